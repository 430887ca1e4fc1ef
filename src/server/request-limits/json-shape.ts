import type { DescMessage } from "@bufbuild/protobuf";
import { discriminatorOf } from "../../proto-schema/http/rest-mapping.ts";
import type { FieldNode, MessageNode } from "./request-bounds.ts";

/** The JSON that a place in a request may have, in the form of protobuf, REST or web forms. A limit of 0 means no limit. */
export interface JsonShape {
  /** The members of an object, under their JSON names and proto names. */
  readonly members: ReadonlyMap<string, JsonShape>;
  /** The maximum number of elements of a list; `element` is their shape. */
  readonly items: number;
  readonly element: JsonShape | undefined;
  /** The maximum number of pairs of a map; `value` is the shape of their values, `key` the maximum characters of a key. */
  readonly pairs: number;
  readonly value: JsonShape | undefined;
  readonly key: number;
  /** The maximum characters of a text. */
  readonly text: number;
  /** The maximum paths of a field mask, which is one text in JSON. */
  readonly paths: number;
}

const anything: JsonShape = {
  members: new Map(),
  items: 0,
  element: undefined,
  pairs: 0,
  value: undefined,
  key: 0,
  text: 0,
  paths: 0,
};

/** The maximum characters of a time or a duration. */
const wellKnownText = 64;

const fieldMask = "google.protobuf.FieldMask";

/** Returns the shape of the JSON of a message; for several messages, the union of their shapes. */
export function jsonShape(...messages: readonly MessageNode[]): JsonShape {
  return { ...anything, members: merged(messages.flatMap((node) => [...namedFields(node), ...namedOneofs(node)])) };
}

interface NamedShape {
  readonly name: string;
  readonly shape: JsonShape;
}

function namedFields({ fields }: MessageNode): NamedShape[] {
  return [...fields.values()].flatMap((node) => {
    const shape = shapeOf(node);
    return [...new Set([node.field.jsonName, node.name])].map((name) => ({ name, shape }));
  });
}

/** Web forms write the members of a oneof under its name. */
function namedOneofs({ message, fields }: MessageNode): NamedShape[] {
  return (message?.oneofs ?? []).map((oneof) => {
    const inside = new Map([...fields].filter(([, { field }]) => field.oneof === oneof));
    return { name: oneof.name, shape: { ...anything, members: merged(namedFields({ message, fields: inside })) } };
  });
}

function merged(named: readonly NamedShape[]): Map<string, JsonShape> {
  const byName = Map.groupBy(named, ({ name }) => name);
  return new Map([...byName].map(([name, same]) => [name, union(same.map(({ shape }) => shape))]));
}

function shapeOf({ kind, field, count, text, child }: FieldNode): JsonShape {
  if (kind === "map") {
    const [key, value] = [child?.fields.get(1), child?.fields.get(2)];
    return {
      ...anything,
      pairs: count,
      key: key?.text?.characters ?? 0,
      value: value === undefined ? undefined : shapeOf(value),
    };
  }
  const one = child === undefined ? { ...anything, text: text?.characters ?? 0 } : shapeOfMessage(child, field);
  return kind === "list" ? { ...anything, items: count, element: one } : one;
}

function shapeOfMessage(node: MessageNode, field: FieldNode["field"]): JsonShape {
  const { typeName } = node.message as DescMessage;
  const paths = [...node.fields.values()].find(({ kind }) => kind === "list");
  if (typeName === fieldMask && paths !== undefined)
    return { ...anything, paths: paths.count, text: paths.count * ((paths.text?.characters ?? 0) + 1) };
  if (typeName.startsWith("google.protobuf.")) return { ...anything, text: wellKnownText };
  // A field with a discriminator may have the fields of its member directly.
  const inside = discriminatorOf(field) === undefined ? [] : [...node.fields.values()].map(({ child }) => child);
  return jsonShape(node, ...inside.filter((child) => child !== undefined));
}

function union(shapes: readonly JsonShape[]): JsonShape {
  const [first = anything, ...others] = shapes;
  return others.reduce(
    (a, b) => ({
      members: merged([...a.members, ...b.members].map(([name, shape]) => ({ name, shape }))),
      items: Math.max(a.items, b.items),
      element: either(a.element, b.element),
      pairs: Math.max(a.pairs, b.pairs),
      value: either(a.value, b.value),
      key: Math.max(a.key, b.key),
      text: Math.max(a.text, b.text),
      paths: Math.max(a.paths, b.paths),
    }),
    first,
  );
}

function either(a: JsonShape | undefined, b: JsonShape | undefined): JsonShape | undefined {
  return a === undefined || b === undefined ? (a ?? b) : union([a, b]);
}
