import { create, type DescMessage, type DescMethod, type Message, toBinary, toJsonString } from "@bufbuild/protobuf";
import { BatchCheckConnectionsRequestSchema } from "../../gen/connectory/v1/connection_service_pb.js";
import { isText } from "../../src/server/request-limits/field-bounds.ts";
import { type FieldNode, requestBounds } from "../../src/server/request-limits/request-bounds.ts";
import { fillables, fillBinary, fillJson, nodesOf } from "../../test/server/request-limits/fill-field.ts";
import { delimited, fullMessage, inBinary, inJson, isPair, varint } from "./build-content.ts";

/** A request that is as expensive as its size allows: in binary, in JSON, in both, or in a query. */
export interface LargeRequest {
  readonly name: string;
  readonly binary?: () => Uint8Array;
  readonly json?: () => string;
  readonly query?: () => string;
  /** Whether it is worth sending compressed too. */
  readonly isGzipToo?: true;
}

/** Of texts deep inside of a message so many are tried. */
const nestedTexts = 2;

/** What fits into so many bytes, for an RPC; nothing here knows one by name. */
export function largeRequests(method: DescMethod, bytes: number): LargeRequest[] {
  const { input } = method;
  const nodes = nodesOf(requestBounds(input).root).filter((node) => !isPair(node));
  return [...tooLargeRequests(method, bytes), ...ones(nodes, bytes)];
}

/** What has more bytes than the RPC takes at all. */
export function tooLargeRequests({ input }: DescMethod, bytes: number): LargeRequest[] {
  const lists = fillables().flatMap(([, { input: of, node }]) => (of === input ? filled(node, bytes) : []));
  return [...lists, ...strange(bytes)];
}

/** As much as the rules allow, and valid where it is known what that is. */
export function allowedRequests({ input }: DescMethod, bytes: number): LargeRequest[] {
  return allAtOnce(input, Math.min(bytes, requestBounds(input).bytes));
}

function filled(node: FieldNode, bytes: number): LargeRequest[] {
  const name = `${node.name} filled`;
  const json = once(() => fillJson(node, Math.floor(bytes / 12)));
  return [{ name, binary: once(() => fillBinary(node, bytes / 2)), json, isGzipToo: true }];
}

function allAtOnce(input: DescMessage, bytes: number): LargeRequest[] {
  const variants = nodesOf(requestBounds(input).root).reduce(
    (max, { field }) => Math.max(max, field.oneof?.fields.length ?? 1),
    1,
  );
  const requests = Array.from({ length: variants }, (_, variant) =>
    (variant === 0 ? ["x", "\u0001", "𝒳"] : ["\u0001"]).map((character) => {
      const name = `all that is allowed, ${variant}, of ${JSON.stringify(character)}`;
      return both(name, input, () => fullMessage(input, variant, character, Math.floor(bytes / 1.1)));
    }),
  ).flat();
  return input === (BatchCheckConnectionsRequestSchema as DescMessage) ? [...requests, validPairs()] : requests;
}

/** A thousand, each different, with names as long as they can be. */
function validPairs(): LargeRequest {
  const user = (name: string) => name.padEnd(128, "x");
  const pairs = Array.from({ length: 1000 }, (_, at) => ({ userId1: user(`a${at}`), userId2: user(`b${at}`) }));
  const schema = BatchCheckConnectionsRequestSchema;
  return both("valid pairs", schema, () => create(schema, { pairs }));
}

function both(name: string, input: DescMessage, make: () => Message): LargeRequest {
  const message = once(make);
  const json = once(() => toJsonString(input, message()));
  return { name, binary: once(() => toBinary(input, message())), json, isGzipToo: true };
}

/** What is made is kept: a request is sent over each protocol. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

const repeat = (bytes: number, part: readonly number[]) =>
  Buffer.alloc(bytes - (bytes % part.length), Buffer.from(part));

/** What is in no message, or no message at all. */
function strange(bytes: number): LargeRequest[] {
  const text = (part: string, before = "", after = "") =>
    before + part.repeat(Math.floor((bytes - before.length - after.length) / part.length)) + after;
  const keys = (value: string) =>
    `{${Array.from({ length: Math.floor(bytes / (value.length + 12)) }, (_, at) => `"k${at}":${value}`).join()}}`;
  const unknown = varint(15_000 << 3);
  let chain: Uint8Array = Buffer.alloc(0);
  for (let depth = 0; depth < 10_000; depth += 1) chain = delimited(1, chain);
  return [
    { name: "unknown numbers", binary: () => repeat(bytes, [...unknown, 0]), isGzipToo: true },
    { name: "unknown texts", binary: () => repeat(bytes, [...varint((15_000 << 3) | 2), 0]) },
    {
      name: "unknown groups",
      binary: () => repeat(bytes, [...varint((15_000 << 3) | 3), ...varint((15_000 << 3) | 4)]),
    },
    { name: "groups in groups", binary: () => repeat(bytes, varint((15_000 << 3) | 3)) },
    { name: "groups in the first field", binary: () => repeat(bytes, [(1 << 3) | 3]) },
    { name: "the first field in itself", binary: () => chain },
    { name: "long varints", binary: () => repeat(bytes, [8, ...Array(9).fill(0xff), 1]) },
    { name: "zeros", binary: () => repeat(bytes, [0]), json: () => text("\0") },
    { name: "no protobuf", binary: () => repeat(bytes, [0xff]) },
    { name: "unknown names", json: once(() => keys("1")), isGzipToo: true },
    { name: "unknown names of objects", json: once(() => keys("{}")) },
    { name: "one name again and again", json: () => text('"a":1,', "{", '"a":1}') },
    { name: "a long name", json: () => text("x", '{"', '":1}') },
    { name: "a long escaped name", json: () => text("\\u0041", '{"', '":1}') },
    { name: "a long number", json: () => text("1", '{"a":', "}") },
    { name: "lists in lists", json: () => text("[") },
    { name: "objects in objects", json: () => text('{"a":') },
    { name: "objects in the first field", json: () => text('{"config":') },
    { name: "blanks", json: () => text(" ") },
    { name: "blanks inside", json: () => text(" ", "{", "}") },
    { name: "no end", json: () => text("x", '{"a":"') },
    { name: "backslashes", json: () => text("\\\\", '{"a":"', '"}') },
    { name: "quotes", json: () => text('"') },
    { name: "a list", json: () => text("0,", "[", "0]") },
  ];
}

/** What is neither list nor map: very long, or again and again. */
function ones(nodes: readonly FieldNode[], bytes: number): LargeRequest[] {
  const single = nodes.filter(({ kind }) => kind === "one");
  const top = single.filter(({ parent }) => parent === undefined);
  const nested = single.filter(({ parent, field }) => parent !== undefined && isText(field));
  const step = Math.max(1, Math.floor(nested.length / nestedTexts));
  const chosen = [...top, ...nested.filter((_, index) => index % step === 0)];
  const long = chosen.map((node) => {
    const json = () => inJson(node, `"${"x".repeat(bytes)}"`);
    const binary = () => inBinary(node, delimited(node.field.number, Buffer.alloc(bytes, "x")));
    return { name: `${node.name} very long`, json, ...(isText(node.field) ? { binary } : {}) };
  });
  const again = chosen.map((node) => {
    const wire = node.child !== undefined || isText(node.field) ? 2 : 0;
    const one = [...varint((node.field.number << 3) | wire), 0];
    return { name: `${node.name} again and again`, binary: () => inBinary(node, repeat(bytes, one)) };
  });
  // How a number or an escape is looked through does not depend on the field.
  const written = chosen.slice(0, 2).flatMap((node) => [
    { name: `${node.name} as a long number`, json: () => inJson(node, "1".repeat(bytes)) },
    { name: `${node.name} of escapes`, json: () => inJson(node, `"${"\\u0041".repeat(Math.floor(bytes / 6))}"`) },
  ]);
  return [...long, ...again, ...written];
}

/** As a query, which is as long as a URL can be. */
export function largeQueries({ input }: DescMethod): LargeRequest[] {
  const names = input.fields.map(({ name }) => name);
  const parts = [
    "a=1&",
    "&",
    "=",
    "%41",
    "+",
    "a[",
    "a[b]=1&",
    "a.",
    "%",
    ...names.flatMap((name) => [`${name}=x&`, `${name}.k=1&`, `${name}[k]=x&`]),
  ];
  const numbered = names.map((name) => ({
    name: `many parameters ${name}.N`,
    query: () => Array.from({ length: 1500 }, (_, at) => `${name}.${at}=`).join("&"),
  }));
  return [
    ...parts.map((part) => ({ name: `${part} in the query`, query: () => part.repeat(16_000 / part.length) })),
    ...numbered,
  ];
}
