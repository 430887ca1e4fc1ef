import { ScalarType } from "@bufbuild/protobuf";
import { type Excess, maxDepth, tooDeep, tooLong, tooMany, tooManyValues } from "./excess.ts";
import type { FieldNode, MessageNode, RequestBounds } from "./request-bounds.ts";

/** Bytes. A message of at most this size decodes quickly. */
const harmlessBytes = 1024;
/** The maximum bytes of a character in UTF-8. */
const bytesOfCharacter = 4;

const wire = { varint: 0, fixed64: 1, delimited: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;

/**
 * Scans the bytes of a request before decoding, without creating objects, for a field that exceeds its rules. Returns the first
 * excess; undefined for none, and for malformed bytes, which the decoder reports.
 */
export function scanBinary(bounds: RequestBounds, bytes: Uint8Array): Excess | undefined {
  return bytes.length <= harmlessBytes ? undefined : scan(bounds, bytes);
}

function scan(bounds: RequestBounds, bytes: Uint8Array): Excess | undefined {
  const counts = new Uint32Array(bounds.slots);
  let at = 0;
  let values = 0;
  let isBroken = false;

  /** Reads a varint and returns its lower 32 bits: no tag or length is longer. */
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    isBroken = true;
    return 0;
  };

  const pathOf = (node: FieldNode | undefined, isElement = false): string => {
    if (node === undefined) return "";
    const { kind, name, parent, slot } = node;
    const index = isElement && kind === "list" ? `[${Math.max(0, (counts[slot] ?? 0) - 1)}]` : "";
    const before = pathOf(parent, true);
    return `${before}${before === "" || name === "" ? "" : "."}${name}${index}`;
  };

  const readMessage = (
    { fields }: MessageNode,
    parent: FieldNode | undefined,
    end: number,
    depth: number,
  ): Excess | undefined => {
    if (depth > maxDepth) return tooDeep();
    let groups = 0;
    while (at < end && !isBroken) {
      const tag = varint();
      const node = groups > 0 ? undefined : fields.get(tag >>> 3);
      values += 1;
      if (values > bounds.values) return tooManyValues(bounds.values, pathOf(node ?? parent) || `${tag >>> 3}`);
      switch (tag & 7) {
        case wire.delimited: {
          const length = varint();
          const until = at + length;
          if (until > end) isBroken = true;
          else if (node !== undefined) {
            const excess = readField(node, length, until, depth);
            if (excess !== undefined) return excess;
          }
          at = until;
          break;
        }
        case wire.varint:
          varint();
          if (node !== undefined && !hasCapacity(node, 1)) return tooMany(node, pathOf(node));
          break;
        case wire.fixed64:
        case wire.fixed32:
          at += (tag & 7) === wire.fixed64 ? 8 : 4;
          if (node !== undefined && !hasCapacity(node, 1)) return tooMany(node, pathOf(node));
          break;
        case wire.startGroup:
          groups += 1;
          break;
        case wire.endGroup:
          groups -= 1;
          isBroken ||= groups < 0;
          break;
        default:
          isBroken = true;
      }
    }
    return undefined;
  };

  /** Reads a length-delimited field: a text, a message, a pair of a map, or packed numbers. */
  const readField = (node: FieldNode, length: number, end: number, depth: number): Excess | undefined => {
    const { child, text, field } = node;
    const isPacked = node.kind === "list" && child === undefined && !isText(field.scalar);
    if (!hasCapacity(node, isPacked ? packed(field.scalar, end) : 1)) return tooMany(node, pathOf(node));
    if (child !== undefined) return readMessage(child, node, end, depth + 1);
    if (isPacked || text === undefined || length <= text.characters * bytesOfCharacter) return undefined;
    return tooLong(text.characters, pathOf(node, true));
  };

  /**
   * Counts elements and returns whether the field may have them. A singular field may be repeated, each time replacing its value;
   * `values` limits how often.
   */
  const hasCapacity = ({ kind, slot, max }: FieldNode, more: number): boolean => {
    const count = (counts[slot] ?? 0) + more;
    counts[slot] = count;
    return kind === "one" || count <= max;
  };

  const packed = (scalar: ScalarType | undefined, end: number): number => {
    const size = fixedSizes.get(scalar);
    if (size !== undefined) return Math.ceil((end - at) / size);
    let numbers = 0;
    for (let byte = at; byte < end; byte += 1) if ((bytes[byte] ?? 0) < 0x80) numbers += 1;
    return numbers;
  };

  return readMessage(bounds.root, undefined, bytes.length, 0);
}

function isText(scalar: ScalarType | undefined): boolean {
  return scalar === ScalarType.STRING || scalar === ScalarType.BYTES;
}

const fixedSizes: ReadonlyMap<ScalarType | undefined, number> = new Map([
  [ScalarType.DOUBLE, 8],
  [ScalarType.FIXED64, 8],
  [ScalarType.SFIXED64, 8],
  [ScalarType.FLOAT, 4],
  [ScalarType.FIXED32, 4],
  [ScalarType.SFIXED32, 4],
]);
