import type {
  FieldRules,
  Int32Rules,
  Int64Rules,
  StringRules,
  UInt32Rules,
} from "../../../gen/buf/validate/validate_pb.js";
import type { JsonSchema } from "./keywords.ts";

const uuid = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";

/** Returns the keywords for the rules of a field, as far as JSON Schema can express them. */
export function ruleKeywords({ type, cel }: FieldRules): JsonSchema {
  const patterns = cel.map(({ expression = "" }) => celPattern(expression)).filter((pattern) => pattern !== undefined);
  const ofCel = patterns[0] === undefined ? {} : { pattern: patterns[0] };
  switch (type.case) {
    case "string":
      return { ...ofCel, ...stringKeywords(type.value) };
    case "int32":
    case "uint32":
      return numberKeywords(type.value);
    case "int64":
      return { ...numberKeywords(type.value), ...digitsKeywords(type.value) };
    case "repeated": {
      const { minItems, maxItems } = type.value;
      return {
        ...(minItems > 0n && { minItems: Number(minItems) }),
        ...(maxItems > 0n && { maxItems: Number(maxItems) }),
      };
    }
    case "map": {
      const { minPairs, maxPairs } = type.value;
      return {
        ...(minPairs > 0n && { minProperties: Number(minPairs) }),
        ...(maxPairs > 0n && { maxProperties: Number(maxPairs) }),
      };
    }
    default:
      return ofCel;
  }
}

/** Returns sentences for the rules that no keyword can express. */
export function ruleWords({ type, cel }: FieldRules): string[] {
  const past = type.case === "timestamp" && type.value.lessThan.case === "ltNow" ? ["must be in the past"] : [];
  return [...past, ...cel.map(({ message = "" }) => message)].map((words) => `It ${words}.`);
}

function stringKeywords({ minLen, maxLen, pattern, in: values, wellKnown }: StringRules): JsonSchema {
  return {
    ...(minLen > 0n && { minLength: Number(minLen) }),
    ...(maxLen > 0n && { maxLength: Number(maxLen) }),
    ...(pattern !== "" && { pattern }),
    ...(values.length > 0 && { enum: [...values] }),
    ...(wellKnown.case === "uuid" && { format: "uuid", pattern: uuid }),
  };
}

function numberKeywords({ lessThan, greaterThan }: Int32Rules | UInt32Rules | Int64Rules): JsonSchema {
  return {
    ...(lessThan.case === "lt" && { exclusiveMaximum: Number(lessThan.value) }),
    ...(lessThan.case === "lte" && { maximum: Number(lessThan.value) }),
    ...(greaterThan.case === "gt" && { exclusiveMinimum: Number(greaterThan.value) }),
    ...(greaterThan.case === "gte" && { minimum: Number(greaterThan.value) }),
  };
}

/** Returns the keywords for a number as text: JSON Schema cannot limit its value, but a pattern can exclude a sign. */
function digitsKeywords({ greaterThan }: Int64Rules): JsonSchema {
  return greaterThan.case !== undefined && greaterThan.value >= 0n ? { pattern: "^[0-9]+$" } : {};
}

/** Returns the regular expression of a CEL expression of the form `this.matches('…')`; undefined for any other. */
function celPattern(expression: string): string | undefined {
  const text = /^this\.matches\('((?:[^'\\]|\\\\)*)'\)$/.exec(expression)?.[1];
  return text?.replaceAll("\\\\", "\\");
}
