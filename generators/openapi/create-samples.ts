import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { JsonSchema } from "../../src/proto-schema/json-schema/keywords.ts";
import type { DocumentSchemas } from "./create-schemas.ts";

/**
 * A value that a schema describes: of a request what is needed; of a part of one that, or its first property; of an answer
 * all that is always there, and what is left out only sometimes.
 */
export type SampleOf = (schema: JsonSchema, of: SampleKind) => JsonValue;
export type SampleKind = "request" | "part" | "answer";

/** Messages inside messages are given down to here. */
const maxDepth = 6;

/** Makes examples of schemas, always the same ones: values that the comments name, or what the property is called. */
export function createSamples(schemas: DocumentSchemas): SampleOf {
  const sample = (schema: JsonSchema, of: SampleKind, name: string, depth: number): JsonValue => {
    const resolved = schemas.resolve(schema);
    const { anyOf = [], oneOf = anyOf, allOf } = resolved;
    if (allOf !== undefined)
      return Object.assign({}, ...allOf.map((part) => sample(part, of, name, depth) as JsonObject));
    if (oneOf[0] !== undefined && resolved.properties === undefined)
      return sample(oneOf[0], of === "answer" ? "part" : of, name, depth);
    switch (Array.isArray(resolved.type) ? resolved.type[0] : resolved.type) {
      case "object":
        return sampleObject(resolved, of, depth);
      case "array":
        return resolved.items === undefined || depth > maxDepth ? [] : [sample(resolved.items, of, name, depth + 1)];
      case "integer":
      case "number":
        return Math.max(resolved.minimum ?? 1, 1);
      case "boolean":
        return /^False\b/.test(schema.description ?? ""); // what is false only sometimes
      default:
        return sampleText({ ...resolved, ...schema }, name);
    }
  };

  const sampleObject = ({ properties = {}, required = [] }: JsonSchema, of: SampleKind, depth: number) => {
    const object: JsonObject = {};
    if (depth > maxDepth) return object;
    const [first] = Object.keys(properties);
    const isFirst = (name: string) => of === "part" && required.length === 0 && name === first;
    const isUsual = ({ description = "" }: JsonSchema) => of === "answer" && !/\babsent\b/.test(description);
    for (const [name, property] of Object.entries(properties))
      if (required.includes(name) || isFirst(name) || isUsual(property))
        object[name] = sample(property, of, name, depth + 1);
    return object;
  };

  return (schema, of) => sample(schema, of, "example", 0);
}

/** A text that the schema takes: one that the description names, or one made of the property's name. */
function sampleText(
  { enum: values, examples = [], format, pattern = "", description = "", maxLength }: JsonSchema,
  name: string,
): string {
  if (typeof examples[0] === "string") return examples[0];
  if (values !== undefined) return values.find((value) => !value.endsWith("_UNSPECIFIED")) ?? "";
  if (format === "date-time") return "2026-01-31T12:00:00.000Z";
  const dashed = name.replaceAll(/_|(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=[0-9])/g, "-").toLowerCase();
  const candidates = [
    ...[...description.matchAll(/such as `?([^\s`]+)/g)].map(([, word = ""]) => word.replace(/[.,;)]+$/, "")),
    ...[...description.matchAll(/`([a-z]+:\/\/[^`]+)`/g)].map(([, word = ""]) => word),
    dashed.replace(/^-+/, ""),
    "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3",
    `${/^\^([a-z_]+)\[/.exec(pattern)?.[1] ?? ""}0123456789abcdef`,
    "42",
    "1.5s",
  ];
  const fits = (text: string) =>
    !text.endsWith(":port") && text.length <= (maxLength ?? text.length) && new RegExp(pattern, "u").test(text);
  return candidates.find(fits) ?? "";
}
