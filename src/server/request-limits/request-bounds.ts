import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { fieldBounds } from "./field-bounds.ts";
import type { LongestText } from "./longest-text.ts";

/** A field of a request or of a message inside of it, or the key or the value of a map, and how much of it there can be. */
export interface FieldNode {
  readonly kind: "one" | "list" | "map";
  /** Empty for the key and the value of a map. */
  readonly name: string;
  readonly field: DescField;
  /** Elements of one list, pairs of one map; else 1. */
  readonly count: number;
  /** So many in the whole request: its own count times those of the lists and maps that it is inside of. */
  readonly most: number;
  /** Of a text, of each text of a list; undefined when it is a message. */
  readonly text: LongestText | undefined;
  readonly parent: FieldNode | undefined;
  /** Of a message, of each message of a list, of each pair of a map: fields 1 and 2, the key and the value. */
  readonly child: MessageNode | undefined;
  /** Where its count stands in the list of counts of a scan. */
  readonly slot: number;
}

export interface MessageNode {
  /** Undefined for the pairs of a map. */
  readonly message: DescMessage | undefined;
  readonly fields: ReadonlyMap<number, FieldNode>;
}

/** How large a request can be that its rules allow. */
export interface RequestBounds {
  readonly root: MessageNode;
  readonly slots: number;
  /** So many fields, elements, keys and values at most, with some to spare for what a newer client knows more of. */
  readonly values: number;
  /** So many bytes at most, in binary and in JSON with escaped characters, with some to spare. */
  readonly bytes: number;
}

const spare = { values: 1000, bytes: 16_384 };
/** Of each field, for its name, quotes and blanks in JSON. */
const bytesAround = 48;
/** A character that JSON writes as an escape. */
const bytesEscaped = 6;

const known = new WeakMap<DescMessage, RequestBounds>();

/** The bounds of a request's message, which follow from its `buf.validate` rules. */
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
        values = Number.POSITIVE_INFINITY; // inside of itself: not looked into again
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
    values += node.most;
    self.child = childOf(self);
    return self;
  };
  const addField = (field: DescField, parent: FieldNode | undefined, times: number): FieldNode => {
    const { count, text, key } = fieldBounds(field);
    const most = times * count;
    const inside = (self: FieldNode, total: number) =>
      field.message === undefined ? undefined : addMessage(field.message, self, total);
    const common = { name: field.name, field, count, most, parent };
    if (field.fieldKind !== "map")
      return add({ ...common, kind: field.fieldKind === "list" ? "list" : "one", text }, (self) => inside(self, most));
    const pair = { kind: "one", name: "", field, count: 1, most } as const;
    return add({ ...common, kind: "map", text: undefined }, (parent) => ({
      message: undefined,
      fields: new Map([
        [1, add({ ...pair, text: key, parent }, () => undefined)],
        [2, add({ ...pair, text, parent }, (self) => inside(self, most))],
      ]),
    }));
  };

  const root = addMessage(message, undefined, 1);
  return { root, slots, values, bytes: bytesOf(root) + spare.bytes };
}

/** Of one message: of the members of a oneof there is only one. */
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
