import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { fieldBounds } from "./field-bounds.ts";
import type { LongestText } from "./longest-text.ts";

/** A field in the message tree of a request, or the key or value of a map, with its limits. */
export interface FieldNode {
  readonly kind: "one" | "list" | "map";
  /** Empty for the key and the value of a map. */
  readonly name: string;
  readonly field: DescField;
  /** Elements of one list, pairs of one map; else 1. */
  readonly count: number;
  /** The maximum in the whole request: its own count times those of the enclosing lists and maps. */
  readonly max: number;
  /** The limit of a text, or of each text of a list; undefined for a message. */
  readonly text: LongestText | undefined;
  readonly parent: FieldNode | undefined;
  /** The message, or that of each element of a list; for a map the pair with the fields 1 (key) and 2 (value). */
  readonly child: MessageNode | undefined;
  /** The index of its count in the counts of a scan. */
  readonly slot: number;
}

/** A message in the message tree of a request. */
export interface MessageNode {
  /** Undefined for the pairs of a map. */
  readonly message: DescMessage | undefined;
  readonly fields: ReadonlyMap<number, FieldNode>;
}

/** The maximum size of a request by its rules. */
export interface RequestBounds {
  readonly root: MessageNode;
  readonly slots: number;
  /** The maximum number of fields, elements, keys and values, with a reserve of 1000 for fields of newer clients. */
  readonly values: number;
  /** The maximum bytes, in binary and in JSON with escaped characters, with a reserve of 16 KiB. */
  readonly bytes: number;
}

const spare = { values: 1000, bytes: 16_384 };
/** Bytes of a field in JSON for its name, quotes and blanks. */
const bytesAround = 48;
/** Bytes of a character that JSON escapes. */
const bytesEscaped = 6;

const known = new WeakMap<DescMessage, RequestBounds>();

/** Returns the limits of a request message, from its `buf.validate` rules; computed once. */
export function requestBounds(message: DescMessage): RequestBounds {
  const bounds = known.get(message) ?? measure(message);
  known.set(message, bounds);
  return bounds;
}

function measure(message: DescMessage): RequestBounds {
  let slots = 0;
  let values = spare.values;

  const addMessage = (desc: DescMessage, parent: FieldNode | undefined, times: number): MessageNode => {
    for (let above = parent; above !== undefined; above = above.parent)
      if (above.field.parent === desc) {
        values = Number.POSITIVE_INFINITY; // a recursive message is not expanded again
        return { message: desc, fields: new Map() };
      }
    return {
      message: desc,
      fields: new Map(desc.fields.map((field) => [field.number, addField(field, parent, times)])),
    };
  };
  const add = (node: Omit<FieldNode, "slot" | "child">, childOf: (self: FieldNode) => MessageNode | undefined) => {
    const self = { ...node, slot: slots, child: undefined as MessageNode | undefined };
    slots += 1;
    values += node.max;
    self.child = childOf(self);
    return self;
  };
  const addField = (field: DescField, parent: FieldNode | undefined, times: number): FieldNode => {
    const { count, text, key } = fieldBounds(field);
    const max = times * count;
    const inside = (self: FieldNode, total: number) =>
      field.message === undefined ? undefined : addMessage(field.message, self, total);
    const common = { name: field.name, field, count, max, parent };
    if (field.fieldKind !== "map")
      return add({ ...common, kind: field.fieldKind === "list" ? "list" : "one", text }, (self) => inside(self, max));
    const pair = { kind: "one", name: "", field, count: 1, max } as const;
    return add({ ...common, kind: "map", text: undefined }, (parent) => ({
      message: undefined,
      fields: new Map([
        [1, add({ ...pair, text: key, parent }, () => undefined)],
        [2, add({ ...pair, text, parent }, (self) => inside(self, max))],
      ]),
    }));
  };

  const root = addMessage(message, undefined, 1);
  return { root, slots, values, bytes: bytesOf(root) + spare.bytes };
}

/** Returns the maximum bytes of one message, counting the largest member of each oneof. */
function bytesOf({ message, fields }: MessageNode): number {
  const sizes = new Map<string, number>();
  for (const node of fields.values()) {
    const size =
      bytesAround + node.count * (bytesAround + (node.child === undefined ? bytesOfText(node) : bytesOf(node.child)));
    const oneof = message === undefined ? undefined : node.field.oneof;
    const group = oneof === undefined ? `${node.slot}` : oneof.name;
    sizes.set(group, Math.max(size, sizes.get(group) ?? 0));
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

function bytesOfText({ text }: FieldNode): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  return text.characters * (text.bytesEach === 1 ? 1 : bytesEscaped);
}
