import type { DescMessage, DescService } from "@bufbuild/protobuf";
import { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { type FieldNode, type MessageNode, requestBounds } from "../../../src/server/request-limits/request-bounds.ts";

export const services: readonly DescService[] = [ConnectionService, ConnectionProfileService];

/** A list or map of a request, or of a message inside of it. */
export interface Fillable {
  readonly input: DescMessage;
  readonly node: FieldNode;
  /** As a caller reads it in an error, for binary and for JSON. */
  readonly path: string;
  readonly jsonPath: string;
}

/** Every list and map of every request, by the descriptors. */
export function fillables(): [name: string, Fillable][] {
  return services
    .flatMap(({ methods }) => methods)
    .flatMap(({ name, input }) =>
      nodesOf(requestBounds(input).root)
        .filter(({ kind }) => kind !== "one")
        .map((node): [string, Fillable] => {
          const path = pathOf(node, (one) => one.name);
          return [
            `${name} ${path}`,
            { input, node, path, jsonPath: pathOf(jsonNode(node), ({ field }) => field.jsonName) },
          ];
        }),
    );
}

export function nodesOf({ fields }: MessageNode): FieldNode[] {
  return [...fields.values()].flatMap((node) => [node, ...(node.child === undefined ? [] : nodesOf(node.child))]);
}

/** JSON writes a field mask as one text. */
function jsonNode(node: FieldNode): FieldNode {
  return isMask(node) && node.parent !== undefined ? node.parent : node;
}

function isMask({ field }: FieldNode): boolean {
  return field.parent.typeName === "google.protobuf.FieldMask";
}

function pathOf(node: FieldNode, nameOf: (node: FieldNode) => string): string {
  if (node.parent === undefined) return nameOf(node);
  return `${pathOf(node.parent, nameOf)}${node.parent.kind === "list" ? "[0]" : ""}.${nameOf(node)}`;
}

/** The request with so many empty elements in one field, and nothing else. */
export function fillBinary(node: FieldNode, elements: number): Uint8Array {
  const one = [...varint((node.field.number << 3) | 2), 0];
  let bytes: Uint8Array = Buffer.alloc(one.length * elements, Buffer.from(one));
  for (let at = node.parent; at !== undefined; at = at.parent)
    bytes = Buffer.concat([Buffer.from([...varint((at.field.number << 3) | 2), ...varint(bytes.length)]), bytes]);
  return bytes;
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

export function fillJson(node: FieldNode, elements: number): string {
  let from = jsonNode(node);
  let json = contentOf(node, elements);
  for (;;) {
    json = `{"${from.field.jsonName}":${json}}`;
    if (from.parent === undefined) return json;
    from = from.parent;
    if (from.kind === "list") json = `[${json}]`;
  }
}

function contentOf(node: FieldNode, elements: number): string {
  if (isMask(node)) return `"${"a,".repeat(elements)}a"`;
  if (node.kind === "map") return `{${Array.from({ length: elements }, (_, at) => `"k${at}":""`).join(",")}}`;
  const one = node.child === undefined ? '""' : "{}";
  return `[${`${one},`.repeat(elements - 1)}${one}]`;
}
