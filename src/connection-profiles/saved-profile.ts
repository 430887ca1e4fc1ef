import type { ConnectionProfile } from "../../gen/connectory/v1/connection_profile_pb.js";
import type { StoredSecret } from "../secrets/secret-store.ts";

/** A profile with its secrets, still encrypted. */
export interface SavedProfile {
  readonly profile: ConnectionProfile;
  readonly stored: readonly StoredSecret[];
}
