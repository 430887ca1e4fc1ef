import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";

/** The most bytes of a tag together with a length, and of a number with its tag. */
const headBytes = 10;
const scalarBytes = 15;
/** What is longer is measured; the most that it can be is enough of what is shorter, and quicker. */
const shortText = 64;

/**
 * An upper bound of the bytes that a message takes as protobuf, without writing it. It stops counting once it is above `enough`. Infinity for
 * what the generated types hold in another form than that of a message.
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

/** Of the well-known types those that are held as the messages that they are. */
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
