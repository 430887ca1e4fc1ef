import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";

const fields = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** The field of a message that a caller means, by its JSON name or its proto name. */
export function findJsonField(message: DescMessage, name: string): DescField | undefined {
  let known = fields.get(message);
  if (known === undefined) {
    known = new Map(
      message.fields.flatMap((field) => [[field.jsonName, field] as const, [field.name, field] as const]),
    );
    fields.set(message, known);
  }
  return known.get(name);
}

/** The message of a field whose JSON is an object with the message's fields, and no text as that of a timestamp. */
export function plainMessageOf(field: DescField): DescMessage | undefined {
  return field.message?.typeName.startsWith("google.protobuf.") ? undefined : field.message;
}

export function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** An object without a prototype, where a key such as `__proto__` is a key like any other. */
export function emptyObject(): JsonObject {
  return Object.create(null) as JsonObject;
}
