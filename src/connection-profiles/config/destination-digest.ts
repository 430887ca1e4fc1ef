import { createHash } from "node:crypto";
import type { DescField } from "@bufbuild/protobuf";
import { isReflectMessage, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import { isDestination, nestedMessage } from "../../proto-schema/field-options.ts";

/**
 * Returns the SHA-256 of every field that decides where a configuration's secrets are sent and which peer is accepted: equal
 * for two configurations exactly when their secrets go to the same destination. Fields that are not set are left out, so a
 * field that a later version adds changes no digest.
 */
export function destinationDigest(connector: string, config: ReflectMessage): Uint8Array {
  return createHash("sha256")
    .update(JSON.stringify([connector, destinations(config, "")]))
    .digest();
}

type Entry = readonly [path: string, value: unknown];

function destinations(message: ReflectMessage, prefix: string): readonly Entry[] {
  return message.fields
    .filter((field) => message.isSet(field))
    .flatMap((field) => {
      const path = `${prefix}${field.name}`;
      const below = elements(message, field).flatMap(([nested, key]) => destinations(nested, `${path}${key}.`));
      return isDestination(field) ? [[path, plain(message, field)] as const, ...below] : below;
    });
}

/**
 * Returns the value of a scalar or enum field, or of a list or map of them; true for a set message, and for a list or map of
 * messages.
 */
function plain(message: ReflectMessage, field: DescField): unknown {
  if (field.fieldKind === "scalar" || field.fieldKind === "enum") return String(message.get(field));
  if (field.fieldKind === "list" && field.listKind !== "message") return [...message.get(field)].map(String);
  if (field.fieldKind === "map" && field.mapKind !== "message")
    return [...message.get(field)].map(([key, value]) => [String(key), String(value)]).sort();
  return true;
}

function elements(message: ReflectMessage, field: DescField): readonly (readonly [ReflectMessage, string])[] {
  if (nestedMessage(field) === undefined) return [];
  if (field.fieldKind === "message") return [[message.get(field), ""]];
  if (field.fieldKind === "list")
    return [...message.get(field)].flatMap((one, index) =>
      isReflectMessage(one) ? [[one, `[${index}]`] as const] : [],
    );
  if (field.fieldKind !== "map") return [];
  return [...message.get(field)]
    .flatMap(([key, one]) => (isReflectMessage(one) ? [[one, `[${JSON.stringify(key)}]`] as const] : []))
    .sort(([, a], [, b]) => (a < b ? -1 : 1));
}
