import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** One change of a JSON document: where, what, and the document after it. */
export interface Mutation {
  readonly path: string;
  readonly what: string;
  readonly json: JsonObject;
}

const long = "x".repeat(300_000);

/**
 * What can be wrong at any place of a JSON document: left out, empty, too long, of another type, out of bounds, too many, a
 * name that nobody knows. Some of it is right in some places.
 */
export function* mutateJson(json: JsonObject): Generator<Mutation> {
  for (const path of pathsOf(json)) {
    const value = at(json, path);
    yield { path: path.join("."), what: "left out", json: withValue(json, path, undefined) };
    for (const [what, other] of alternatives(value))
      yield { path: path.join("."), what, json: withValue(json, path, other) };
  }
}

function* pathsOf(json: JsonValue, path: readonly string[] = []): Generator<readonly string[]> {
  if (path.length > 0) yield path;
  if (typeof json !== "object" || json === null) return;
  for (const [key, value] of Object.entries(json)) yield* pathsOf(value as JsonValue, [...path, key]);
}

function alternatives(value: JsonValue | undefined): [what: string, value: JsonValue][] {
  const other: [string, JsonValue][] = [
    ["an array", [[]]],
    ["an object", { unknown: 1 }],
    ["a fraction", 1.5],
  ];
  if (typeof value === "string")
    return [
      ...other,
      ["empty", ""],
      ["a space", " "],
      ["a control character", "a\u0001b"],
      ["an accent", "é"],
      ["digits", "12"],
      ["a sign", "-12"],
      ["long", long],
      ["true", true],
    ];
  if (typeof value === "boolean") return [...other, ["false", false], ["text", "true"]];
  if (typeof value === "number")
    return [
      ...other,
      ...[0, -1, 65_535, 65_536, 268_435_456, 2 ** 31, 2 ** 32].map((n) => [`${n}`, n] as [string, number]),
    ];
  if (Array.isArray(value))
    return [...other, ["no items", []], ["many items", Array.from({ length: 1001 }, () => value[0] as JsonValue)]];
  const entries = Object.entries(value ?? {});
  const [, first] = entries[0] ?? [];
  return [
    ...other,
    ["nothing inside", {}],
    ["one more", { ...value, unknown_field: first ?? 1 }],
    ["an empty name", { ...value, "": first ?? 1 }],
    ["a strange name", { ...value, "strange name é": first ?? 1 }],
    ["many names", Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`k${index}`, first ?? "v"]))],
  ];
}

function at(json: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  return path.reduce<JsonValue | undefined>(
    (inner, key) => (inner as Record<string, JsonValue> | undefined)?.[key],
    json,
  );
}

function withValue(json: JsonObject, path: readonly string[], value: JsonValue | undefined): JsonObject {
  const copy = structuredClone(json);
  const parent = at(copy, path.slice(0, -1)) as Record<string, JsonValue>;
  const last = path.at(-1) ?? "";
  if (value === undefined && Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}
