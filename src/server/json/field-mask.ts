import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { discriminatorOf } from "../../proto-schema/http/rest-mapping.ts";
import { findJsonField } from "./json-fields.ts";

/**
 * Returns the paths of a field mask in proto names, with the member that a discriminator names: `config.bootstrapServers` becomes
 * `config.kafka.bootstrap_servers`. Unknown paths stay unchanged, for the handler to reject. `memberOf` returns the named member,
 * if any.
 */
export function readFieldMask(
  text: string,
  schema: DescMessage,
  memberOf: (field: DescField) => DescField | undefined,
): string[] {
  return text
    .split(",")
    .filter((path) => path !== "")
    .map((path) => readPath(path.split("."), schema, memberOf).join("."));
}

function readPath(
  [first = "", ...rest]: string[],
  schema: DescMessage,
  memberOf: (field: DescField) => DescField | undefined,
): string[] {
  const field = findJsonField(schema, first);
  if (field === undefined) return [first, ...rest];
  const next = field.fieldKind === "message" ? field.message : undefined;
  if (rest.length === 0 || next === undefined) return [field.name, ...rest];
  const member = discriminatorOf(field) === undefined ? undefined : memberOf(field);
  const leftOut = member?.message !== undefined && findJsonField(next, rest[0] ?? "") !== member;
  if (!leftOut) return [field.name, ...readPath(rest, next, memberOf)];
  return [field.name, member.name, ...readPath(rest, member.message, memberOf)];
}
