import { create } from "@bufbuild/protobuf";
import { type SecretState, SecretStateSchema } from "../../../gen/connectory/v1/connection_profile_pb.js";
import type { Connector } from "../../connectors/sdk/connector.ts";
import type { Secrets } from "../../secrets/secret-store.ts";
import { secretPaths } from "./secret-fields.ts";

/**
 * Returns the states that a profile's secrets would have after a write. A secret that would be written has no fingerprint yet.
 */
export function previewSecretStates(
  { config }: Connector,
  now: readonly SecretState[],
  { given, removed }: { readonly given: Secrets; readonly removed: readonly string[] },
): SecretState[] {
  const paths = new Set([...secretPaths(config), ...now.map(({ path }) => path), ...given.keys()]);
  return [...paths].map((path) => {
    if (given.has(path)) return create(SecretStateSchema, { path, set: true });
    const state = removed.includes(path) ? undefined : now.find((one) => one.path === path);
    return state ?? create(SecretStateSchema, { path });
  });
}
