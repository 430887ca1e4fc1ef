import type { JsonValue } from "@bufbuild/protobuf";
import type { ConnectionProfile } from "../../../gen/connectory/v1/connection_profile_pb.js";
import { isJsonObject } from "../../proto-schema/json-object.ts";
import { toStoredConfig } from "./canonical-json.ts";

/** The parts of a profile that a caller can change. */
export type ProfileContent = Pick<ConnectionProfile, "name" | "labels" | "config">;

/**
 * Returns the paths that differ between two states, in proto names: `name`, `labels.team`, `config.kafka.tls.ca`. A list counts
 * as one field. Neither state contains secrets: `secrets` has the paths of those that were written or removed.
 */
export function changedFields(
  connector: string,
  before: ProfileContent,
  after: ProfileContent,
  secrets: readonly string[],
): readonly string[] {
  const old = leaves(before);
  const now = leaves(after);
  const differing = [...new Set([...old.keys(), ...now.keys()])].filter((path) => old.get(path) !== now.get(path));
  const hidden = secrets.map((path) => `config.${connector}.${path}`);
  // The key of a secret map's entry remains in the configuration; its path is the same change and is left out.
  const keys = hidden.map((path) => path.replace(/\["(.*)"\]$/, ".$1"));
  return [...new Set([...differing.filter((path) => !keys.includes(path)), ...hidden])].sort();
}

function leaves({ name, labels, config }: ProfileContent): ReadonlyMap<string, string> {
  const below = Object.entries(labels).map(([label, value]) => [`labels.${label}`, JSON.stringify(value)] as const);
  const whole = { name, config: config === undefined ? {} : toStoredConfig(config) };
  return new Map([...below, ...flatten(whole, "")]);
}

function flatten(value: JsonValue, path: string): readonly (readonly [string, string])[] {
  if (!isJsonObject(value)) return [[path, JSON.stringify(value)]];
  const entries = Object.entries(value);
  const below = entries.flatMap(([name, one]) => flatten(one, path === "" ? name : `${path}.${name}`));
  // A set but empty message, such as `tls {}`, differs from one that is not set.
  return path === "" || entries.length > 0 ? below : [[path, "{}"]];
}
