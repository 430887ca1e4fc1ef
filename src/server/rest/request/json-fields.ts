import type { DescField, DescMessage } from "@bufbuild/protobuf";

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
