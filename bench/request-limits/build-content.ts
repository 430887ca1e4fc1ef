import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { fieldBounds } from "../../src/server/request-limits/field-bounds.ts";
import type { FieldNode } from "../../src/server/request-limits/request-bounds.ts";

/** Bytes that stand at a place in a message: a tag of `field`, a length, and the bytes. */
export function delimited(field: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(bytes.length)]), bytes]);
}

export function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

/** The message of a request in which `content` stands inside of the messages around `node`. */
export function inBinary(node: FieldNode, content: Uint8Array): Uint8Array {
  let bytes = content;
  for (let at = node.parent; at !== undefined; at = at.parent)
    bytes = isPair(at) ? bytes : delimited(at.field.number, bytes);
  return bytes;
}

/** The same in JSON; `content` is the value of the field. */
export function inJson(node: FieldNode, content: string): string {
  let json = content;
  for (let at: FieldNode | undefined = node; at !== undefined; at = at.parent)
    json = `{"${at.field.jsonName}":${at.kind === "list" && at !== node ? `[${json}]` : json}}`;
  return json;
}

/** Keys and values of a map: nothing is put around them. */
export function isPair({ name }: FieldNode): boolean {
  return name === "";
}

/** As much as the rules of a message allow, up to so many bytes: each list and map full, each text as long as it can be. */
export function fullMessage(desc: DescMessage, variant: number, character: string, bytes: number): Message {
  let left = bytes;
  const text = (max: number | undefined): string => {
    const count = Math.max(1, Math.min(max ?? 1000, Math.floor(left / Buffer.byteLength(character))));
    left -= count * Buffer.byteLength(character);
    return character.repeat(count);
  };
  const scalar = (type: ScalarType, max: number | undefined): unknown => {
    if (type === ScalarType.STRING) return text(max);
    if (type === ScalarType.BYTES) return Buffer.from(text(max));
    if (type === ScalarType.BOOL) return true;
    return [ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64, ScalarType.FIXED64].includes(type) ? 1n : 1;
  };
  const one = (field: DescField, depth: number): unknown => {
    if (field.message !== undefined) return reflect(field.message, fill(field.message, depth + 1));
    if (field.enum !== undefined) return field.enum.values.at(-1)?.number;
    return scalar(field.scalar as ScalarType, fieldBounds(field).text?.characters);
  };
  const fill = (message: DescMessage, depth: number): Message => {
    const filled = reflect(message, create(message));
    if (message.typeName === "google.protobuf.Timestamp" || depth > 8) return filled.message;
    for (const field of message.fields) {
      const members = field.oneof?.fields;
      if (members !== undefined && members[variant % members.length] !== field) continue;
      const count = Math.min(fieldBounds(field).count, 1000);
      if (field.fieldKind === "list")
        for (let at = 0; at < count && left > 0; at += 1) filled.get(field).add(one(field, depth) as never);
      else if (field.fieldKind === "map")
        for (let at = 0; at < count && left > 0; at += 1) filled.get(field).set(`k${at}`, one(field, depth) as never);
      else filled.set(field, one(field, depth) as never);
    }
    return filled.message;
  };
  return fill(desc, 0);
}
