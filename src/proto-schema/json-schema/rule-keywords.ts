import type {
  FieldRules,
  Int32Rules,
  Int64Rules,
  StringRules,
  UInt32Rules,
} from "../../../gen/buf/validate/validate_pb.js";
import type { JsonSchema } from "./keywords.ts";

const uuid = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";

/** The keywords that say what the rules of a field say, as far as JSON Schema can. */
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

/** What the rules say that no keyword can, in sentences. */
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

/** A number as text has no bounds in JSON Schema; that it has no sign can be said. */
function digitsKeywords({ greaterThan }: Int64Rules): JsonSchema {
  return greaterThan.case !== undefined && greaterThan.value >= 0n ? { pattern: "^[0-9]+$" } : {};
}

/** An expression that is no more than a regular expression can be said as one: `this.matches('…')`. */
function celPattern(expression: string): string | undefined {
  const text = /^this\.matches\('((?:[^'\\]|\\\\)*)'\)$/.exec(expression)?.[1];
  return text?.replaceAll("\\\\", "\\");
}
