import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";

/** The maximum bytes of a tag with a length, and of a tag with a number. */
const headBytes = 10;
const scalarBytes = 15;
/** Characters. A longer text is measured; for a shorter one the maximum of its length is precise enough, and quicker. */
const shortText = 64;

/**
 * Returns an upper bound of the protobuf size of a message in bytes, without encoding it. Counting stops above `enough`. Infinity
 * for well-known types whose generated form is not that of a message.
 */
export function sizeUpperBound(schema: DescMessage, message: Message, enough: number): number {
  if (schema.typeName.startsWith("google.protobuf.") && !plain.has(schema.typeName)) return Number.POSITIVE_INFINITY;
  const values = message as unknown as Readonly<Record<string, unknown>>;
  let bytes = 0;
  for (const member of schema.members) {
    const value = values[member.localName];
    if (value === undefined) continue;
    if (member.kind === "field") bytes += boundField(member, value, enough - bytes);
    else {
      const chosen = value as { readonly case?: string; readonly value?: unknown };
      const field = chosen.case === undefined ? undefined : schema.field[chosen.case];
      if (field !== undefined) bytes += boundField(field, chosen.value, enough - bytes);
    }
    if (bytes > enough) return bytes;
  }
  return bytes;
}

/** The well-known types whose generated form is that of a message. */
const plain: ReadonlySet<string> = new Set(["google.protobuf.Timestamp", "google.protobuf.Duration"]);

function boundField(field: DescField, value: unknown, enough: number): number {
  if (field.fieldKind === "list") return boundElements(field.message, value as readonly unknown[], enough);
  if (field.fieldKind !== "map") return boundValue(field.message, value, enough);
  const entries = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(entries);
  const heads = headBytes * keys.length + boundElements(undefined, keys, enough);
  return heads + boundElements(field.message, Object.values(entries), enough - heads);
}

function boundElements(schema: DescMessage | undefined, elements: readonly unknown[], enough: number): number {
  let bytes = 0;
  for (const element of elements) {
    bytes += boundValue(schema, element, enough - bytes);
    if (bytes > enough) return bytes;
  }
  return bytes;
}

function boundValue(schema: DescMessage | undefined, value: unknown, enough: number): number {
  if (schema !== undefined) return headBytes + sizeUpperBound(schema, value as Message, enough);
  if (typeof value === "string")
    return headBytes + (value.length <= shortText ? 3 * value.length : Buffer.byteLength(value));
  return value instanceof Uint8Array ? headBytes + value.length : scalarBytes;
}
