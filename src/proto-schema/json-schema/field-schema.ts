import { type DescField, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence as Presence } from "@bufbuild/protobuf/wkt";
import { type FieldRules, field as fieldRules, Ignore } from "../../../gen/buf/validate/validate_pb.js";
import { descriptionOf } from "../comments/description-of.ts";
import { fieldOption, isSecret } from "../field-options.ts";
import type { Completeness, JsonSchema, JsonSchemaOptions, Refer } from "./keywords.ts";
import { ruleKeywords, ruleWords } from "./rule-keywords.ts";
import { scalarSchema } from "./scalar-schema.ts";
import { wellKnownSchema } from "./well-known-schema.ts";

/** The context of a field. */
export interface FieldContext extends Pick<JsonSchemaOptions, "names" | "direction" | "replace"> {
  readonly refer: Refer;
  readonly standing: Completeness;
}

const rulesOf = fieldOption(fieldRules);

/** Returns the schema of a field, and whether the field is required. */
export function fieldSchema(field: DescField, context: FieldContext): { schema: JsonSchema; isRequired: boolean } {
  const rules = rulesOf(field);
  const isInput = context.direction === "input";
  const isRuled = isInput && rules.ignore !== Ignore.ALWAYS;
  const schema = withRules(typeSchema(field, rules, context), field, isRuled ? rules : undefined);
  const words = [descriptionOf(field), schema.description ?? "", ...(isRuled ? ruleWords(rules) : [])];
  const description = words.filter((part) => part !== "").join(" ");
  if (description !== "") schema.description = description;
  if (field.proto.options?.deprecated === true) schema.deprecated = true;
  if (isInput && isSecret(field)) schema.writeOnly = true;
  if (!isInput && isSecret(field)) {
    schema.description = `${description} In responses without the values.`;
    if (schema.items !== undefined) schema.items = { ...schema.items, maxLength: 0 };
    if (typeof schema.additionalProperties === "object")
      schema.additionalProperties = { ...schema.additionalProperties, maxLength: 0 };
  }
  if (!isInput) return { schema, isRequired: context.standing === "whole" ? isAlwaysThere(field) : rules.required };
  const isRequired =
    isRuled && context.standing === "whole" && (rules.required || refusesAbsence(field, rules, schema));
  return { schema, isRequired };
}

/** Returns the schema of the type of a field, without its rules. */
function typeSchema(field: DescField, rules: FieldRules, context: FieldContext): JsonSchema {
  const { direction, standing } = context;
  const inside = direction === "input" && rules.ignore === Ignore.ALWAYS ? "partial" : standing;
  const element = context.replace?.(field, inside, context.refer) ?? elementSchema(field, inside, context);
  if (field.fieldKind === "list") return { type: "array", items: element };
  if (field.fieldKind !== "map") return element;
  const names = field.mapKey === ScalarType.STRING ? {} : { propertyNames: scalarSchema(field.mapKey, "key") };
  return { type: "object", additionalProperties: element, ...names };
}

/** Returns the schema of a field, or of each element of a list or map. */
function elementSchema(
  field: DescField,
  standing: Completeness,
  { names, direction, refer }: FieldContext,
): JsonSchema {
  if (field.scalar !== undefined) return scalarSchema(field.scalar, direction);
  if (field.enum !== undefined)
    return field.enum.typeName === "google.protobuf.NullValue" ? { type: "null" } : refer(field.enum, standing);
  if (field.message === undefined) return {};
  return wellKnownSchema(field.message, names, direction) ?? refer(field.message, standing);
}

/** Adds the `buf.validate` rules of the field to the schema. */
function withRules(schema: JsonSchema, field: DescField, rules: FieldRules | undefined): JsonSchema {
  if (rules === undefined) return { ...schema };
  const ruled: JsonSchema = { ...schema, ...ruleKeywords(rules) };
  if (rules.type.case === "map") {
    const { keys, values } = rules.type.value;
    if (keys !== undefined) ruled.propertyNames = { type: "string", ...schema.propertyNames, ...ruleKeywords(keys) };
    if (values !== undefined && typeof schema.additionalProperties === "object")
      ruled.additionalProperties = { ...schema.additionalProperties, ...ruleKeywords(values) };
  }
  if (rules.type.case === "repeated" && rules.type.value.items !== undefined && schema.items !== undefined)
    ruled.items = { ...schema.items, ...ruleKeywords(rules.type.value.items) };
  if (rules.ignore === Ignore.IF_ZERO_VALUE) return admitEmpty(ruled);
  return rules.required && !hasPresence(field) ? refuseZero(ruled, field) : ruled;
}

/** Allows an empty text, which counts as absent. */
function admitEmpty({ format: _, ...schema }: JsonSchema): JsonSchema {
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(""))
    schema.pattern = `^$|${schema.pattern}`;
  if (schema.enum !== undefined) schema.enum = ["", ...schema.enum];
  delete schema.minLength;
  return schema;
}

/** Excludes the zero value of a required field without presence, because it means absence. */
function refuseZero(schema: JsonSchema, field: DescField): JsonSchema {
  if (!admitsZero(schema, field)) return schema;
  if (field.fieldKind === "list") return { ...schema, minItems: 1 };
  if (field.fieldKind === "map") return { ...schema, minProperties: 1 };
  if (field.fieldKind === "enum") return { ...schema, not: { const: field.enum.values[0]?.name ?? "" } };
  if (schema.type === "string") return { ...schema, minLength: 1 };
  return field.scalar === ScalarType.BOOL ? { ...schema, const: true } : { ...schema, not: { const: 0 } };
}

/** Returns whether every response has the field: one with presence is omitted when it is absent. */
function isAlwaysThere(field: DescField): boolean {
  return !hasPresence(field);
}

function hasPresence(field: DescField): boolean {
  if (field.fieldKind === "list" || field.fieldKind === "map") return false;
  return field.presence !== Presence.IMPLICIT;
}

/** Returns whether the zero value, which means absence, violates the rules of the field. */
function refusesAbsence(field: DescField, rules: FieldRules, schema: JsonSchema): boolean {
  return !hasPresence(field) && rules.ignore === Ignore.UNSPECIFIED && !admitsZero(schema, field);
}

function admitsZero(schema: JsonSchema, field: DescField): boolean {
  if (field.fieldKind === "list") return (schema.minItems ?? 0) === 0;
  if (field.fieldKind === "map") return (schema.minProperties ?? 0) === 0;
  if (field.fieldKind === "scalar" && schema.type === "string")
    return (
      (schema.minLength ?? 0) === 0 &&
      (schema.enum?.includes("") ?? true) &&
      (schema.pattern === undefined || new RegExp(schema.pattern, "u").test(""))
    );
  const { minimum = 0, maximum = 0, exclusiveMinimum = -1, exclusiveMaximum = 1 } = schema;
  return minimum <= 0 && maximum >= 0 && exclusiveMinimum < 0 && exclusiveMaximum > 0;
}
