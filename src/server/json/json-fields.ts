import type { DescField, DescMessage } from "@bufbuild/protobuf";

const fields = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** Returns the field of a message by its JSON name or proto name. */
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

/** Returns the message of a field whose JSON is an object of fields; undefined for scalars and well-known types such as Timestamp. */
export function plainMessageOf(field: DescField): DescMessage | undefined {
  return field.message?.typeName.startsWith("google.protobuf.") ? undefined : field.message;
}

/** Returns whether null is a value of the field, rather than a field that is not set. */
export function holdsNull({ message, enum: values }: DescField): boolean {
  return message?.typeName === "google.protobuf.Value" || values?.typeName === "google.protobuf.NullValue";
}
