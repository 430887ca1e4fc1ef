import { type DescField, type DescMessage, fromJson, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import type { FieldViolation } from "../../errors/api-error.ts";
import { isJsonObject } from "../../proto-schema/json-object.ts";

/** The maximum number of reported errors, and of elements of a list or map that are searched. */
const maxErrors = 16;
const maxElements = 1000;

/**
 * Finds the fields of a JSON value that cannot be decoded as a message. Returns their paths, in the names of the input, and the
 * expected types, never a value, which may be a misplaced secret. Unknown fields are found before, see normalize-json.ts. Empty
 * when no single field causes the error.
 */
export function explainJsonErrors(message: DescMessage, value: unknown): FieldViolation[] {
  const errors: FieldViolation[] = [];
  search(message, value, "", errors);
  return errors;
}

function search(message: DescMessage, value: unknown, path: string, errors: FieldViolation[]): void {
  if (isWellKnown(message) || !isJsonObject(value)) {
    errors.push({ field: path, description: `must be ${words(message)}` });
    return;
  }
  for (const [key, part] of Object.entries(value)) {
    if (errors.length >= maxErrors) return;
    const field = message.fields.find(({ jsonName, name }) => key === jsonName || key === name);
    const place = path === "" ? key : `${path}.${key}`;
    if (field !== undefined && !isReadable(message, key, part)) searchField(field, part, place, errors);
  }
}

/** Searches the elements of an invalid field and their fields; reports the field itself when none of them is invalid. */
function searchField(field: DescField, value: unknown, path: string, errors: FieldViolation[]): void {
  const before = errors.length;
  for (const [place, element, alone] of elementsOf(field, value, path)) {
    if (errors.length >= maxErrors) return;
    if (alone !== undefined && isReadable(field.parent, field.jsonName, alone)) continue;
    if (field.message !== undefined) search(field.message, element, place, errors);
    else errors.push({ field: place, description: `must be ${elementWords(field)}` });
  }
  if (errors.length === before) errors.push({ field: path, description: `must be ${fieldWords(field)}` });
}

/** Returns for each element its path, its value, and a list or map with it alone. A singular message is its only element. */
function elementsOf(field: DescField, value: unknown, path: string): [string, unknown, unknown][] {
  if (field.fieldKind === "list") {
    if (!Array.isArray(value) || value.length > maxElements) return [];
    return value.map((element, index) => [`${path}[${index}]`, element, [element]]);
  }
  if (field.fieldKind === "map") {
    if (!isJsonObject(value)) return [];
    const entries = Object.entries(value);
    if (entries.length > maxElements) return [];
    return entries.map(([key, element]) => [`${path}[${JSON.stringify(key)}]`, element, { [key]: element }]);
  }
  return field.message === undefined ? [] : [[path, value, undefined]];
}

function isReadable(message: DescMessage, key: string, value: unknown): boolean {
  try {
    fromJson(message, { [key]: value as JsonValue });
    return true;
  } catch {
    return false;
  }
}

function fieldWords(field: DescField): string {
  if (field.fieldKind === "list") return `a list, and each element ${elementWords(field)}`;
  if (field.fieldKind === "map") return `an object, and each value ${elementWords(field)}`;
  return elementWords(field);
}

function elementWords(field: DescField): string {
  if (field.enum !== undefined) return `one of ${field.enum.values.map(({ name }) => name).join(", ")}`;
  return field.message !== undefined ? words(field.message) : scalarWords(field.scalar);
}

function scalarWords(scalar: ScalarType | undefined): string {
  if (scalar === ScalarType.STRING) return "a text";
  if (scalar === ScalarType.BYTES) return "a text in base64";
  if (scalar === ScalarType.BOOL) return "true or false";
  return scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT ? "a number" : "a whole number that fits";
}

/** Descriptions of the messages whose JSON form is not an object. */
const wellKnown: Readonly<Record<string, string>> = {
  "google.protobuf.Timestamp":
    "a time such as 2026-01-31T12:00:00Z, a day such as 2026-01-31, or milliseconds since 1970",
  "google.protobuf.Duration": "a duration such as 1.5s",
  "google.protobuf.FieldMask": "a text of field paths with commas between them, such as name,config.kafka",
};

function isWellKnown({ typeName }: DescMessage): boolean {
  return typeName.startsWith("google.protobuf.");
}

function words({ typeName }: DescMessage): string {
  return wellKnown[typeName] ?? "an object";
}
