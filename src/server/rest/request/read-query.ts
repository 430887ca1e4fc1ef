import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import type { FieldViolation } from "../../../errors/api-error.ts";
import { didYouMean } from "../../../errors/did-you-mean.ts";
import { queryAliases } from "../../../proto-schema/http/rest-mapping.ts";
import { emptyJsonObject, isJsonObject } from "../../../proto-schema/json-object.ts";
import { findJsonField, plainMessageOf } from "../../json/json-fields.ts";

/** Returns the decoded parameters of a query in their order; undefined when they are not percent-encoded UTF-8. */
export function readQuery(query: string): [name: string, value: string][] | undefined {
  try {
    return query
      .split("&")
      .filter((pair) => pair !== "")
      .map((pair) => {
        const [name = "", ...value] = pair.split("=");
        return [decode(name), decode(value.join("="))];
      });
  } catch {
    return undefined;
  }
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}

/**
 * Sets a text value (of a query, a path or a header) in the JSON of a request. `name` is a field or the path of a nested one; for
 * a map the rest of the path is the key. Returns a violation, or undefined.
 */
export function putText(
  schema: DescMessage,
  target: JsonObject,
  name: string,
  text: string,
): FieldViolation | undefined {
  const [first = "", ...rest] = segmentsOf(name);
  const field = findJsonField(schema, first) ?? schema.fields.find((known) => queryAliases[known.name] === first);
  const wrong = (description: string) => ({ field: name, description });
  if (field === undefined) return wrong(unknownParameter(first, schema));
  const present = target[field.name];
  if (field.fieldKind === "map") {
    if (rest.length === 0) return wrong(`give the name of an entry, as in ${field.name}.name=value`);
    const entries = isJsonObject(present) ? present : emptyJsonObject();
    const key = rest.join(".");
    if (key in entries) return wrong("is given more than once");
    entries[key] = fromText(field, text);
    target[field.name] = entries;
    return undefined;
  }
  const message = field.fieldKind === "message" ? plainMessageOf(field) : undefined;
  if (message !== undefined) {
    if (rest.length === 0) return wrong("has fields of its own: give them, as in parent.child=value");
    const child = isJsonObject(present) ? present : emptyJsonObject();
    target[field.name] = child;
    const nested = putText(message, child, rest.join("."), text);
    return nested === undefined ? undefined : wrong(nested.description);
  }
  if (rest.length > 0) return wrong("there is no such parameter");
  if (field.fieldKind === "list") {
    target[field.name] = [...(Array.isArray(present) ? present : []), fromText(field, text)];
    return undefined;
  }
  if (present !== undefined) return wrong("is given more than once");
  target[field.name] = fromText(field, text);
  return undefined;
}

function unknownParameter(name: string, { fields }: DescMessage): string {
  const known = fields.map((field) => field.name);
  if (known.length === 0) return "there is no such parameter: there are none here";
  return `there is no such parameter${didYouMean(name, known) || ":"} known here are ${known.join(", ")}`;
}

/** Splits a path; `labels[team]` equals `labels.team`. */
function segmentsOf(name: string): string[] {
  const [, outer = name, key] = /^([^[\]]+)\[([^[\]]*)\]$/.exec(name) ?? [];
  return key === undefined ? name.split(".") : [outer, key];
}

/** Converts text to the JSON of a field; an unsuitable text stays text, so that decoding fails with the name of the field. */
function fromText(field: DescField, text: string): JsonValue {
  if ("scalar" in field && field.scalar === ScalarType.BOOL)
    return text === "true" ? true : text === "false" ? false : text;
  if ("enum" in field && field.enum !== undefined && /^-?\d{1,10}$/.test(text)) return Number(text);
  return text;
}
