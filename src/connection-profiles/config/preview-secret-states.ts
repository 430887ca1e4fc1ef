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
  { newSecrets, removed }: { readonly newSecrets: Secrets; readonly removed: readonly string[] },
): SecretState[] {
  const paths = new Set([...secretPaths(config), ...now.map(({ path }) => path), ...newSecrets.keys()]);
  return [...paths].map((path) => {
    if (newSecrets.has(path)) return create(SecretStateSchema, { path, set: true });
    const state = removed.includes(path) ? undefined : now.find((one) => one.path === path);
    return state ?? create(SecretStateSchema, { path });
  });
}
