import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Message,
  toJson,
} from "@bufbuild/protobuf";
import { discriminatorOf, type RestNames, restNameOf } from "../../../proto-schema/http/rest-mapping.ts";
import { isJsonObject } from "../../../proto-schema/json-object.ts";
import { errorDetailRegistry } from "../../dispatch/error-detail-registry.ts";
import { printMilliseconds } from "./print-milliseconds.ts";

/**
 * Encodes a message as JSON with every field, in the names of the service. A message with a discriminator is encoded as the
 * fields of its member, only those that are set: a configuration is returned as it was sent. Times have milliseconds.
 */
export function encodeJson(schema: DescMessage, message: Message, names: RestNames): JsonObject {
  const options = { alwaysEmitImplicit: true, useProtoFieldName: names === "proto", registry: errorDetailRegistry };
  const json = toJson(schema, message, options) as JsonObject;
  if (hasNamed(schema)) unwrap(schema, message, json, names);
  printMilliseconds(schema, json, names);
  return json;
}

const named = new WeakMap<DescMessage, boolean>();

/** Returns whether the message contains a field with a discriminator at any depth. */
function hasNamed(schema: DescMessage): boolean {
  const known = named.get(schema);
  if (known !== undefined) return known;
  named.set(schema, false); // for a message that contains itself
  const found = schema.fields.some(
    (field) => field.message !== undefined && (discriminatorOf(field) !== undefined || hasNamed(field.message)),
  );
  named.set(schema, found);
  return found;
}

function unwrap(schema: DescMessage, message: Message, json: JsonObject, names: RestNames): void {
  for (const field of schema.fields) {
    const name = restNameOf(field, names);
    const below = json[name];
    if (field.message === undefined || below === undefined) continue;
    const value = heldBy(field, message);
    if (discriminatorOf(field) !== undefined) json[name] = memberJson(field.message, value as Message, names);
    else if (hasNamed(field.message))
      eachMessage(field, value, below, (one, of) => unwrap(field.message as DescMessage, one, of, names));
  }
}

function memberJson(schema: DescMessage, message: Message, names: RestNames): JsonValue {
  const member = schema.fields.find((field) => heldBy(field, message) !== undefined);
  if (member?.message === undefined) return {};
  return toJson(member.message, heldBy(member, message) as Message, { useProtoFieldName: names === "proto" });
}

/** Returns the value of a field in the generated types; undefined for a member of a oneof that is not set. */
function heldBy(field: DescField, message: Message): unknown {
  const values = message as unknown as Record<string, unknown>;
  if (field.oneof === undefined) return values[field.localName];
  const chosen = values[field.oneof.localName] as { case?: string; value?: unknown };
  return chosen.case === field.localName ? chosen.value : undefined;
}

function eachMessage(
  field: DescField,
  value: unknown,
  json: JsonValue,
  visit: (message: Message, json: JsonObject) => void,
): void {
  if (field.fieldKind === "message" && isJsonObject(json)) visit(value as Message, json);
  if (field.fieldKind === "list" && Array.isArray(json))
    for (const [index, item] of json.entries()) visit((value as Message[])[index] as Message, item as JsonObject);
  if (field.fieldKind === "map" && isJsonObject(json))
    for (const [key, item] of Object.entries(json))
      visit((value as Record<string, Message>)[key] as Message, item as JsonObject);
}
