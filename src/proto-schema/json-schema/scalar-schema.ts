import { ScalarType } from "@bufbuild/protobuf";
import type { JsonSchema } from "./keywords.ts";

/**
 * Returns the schema of a scalar in protobuf JSON. 64-bit integers are text, because they exceed the precision of JavaScript
 * numbers; requests may have a number as well. `key`: the name of a property, which is always text.
 */
export function scalarSchema(scalar: ScalarType, use: "input" | "output" | "key"): JsonSchema {
  switch (scalar) {
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.BOOL:
      return use === "key" ? { enum: ["true", "false"] } : { type: "boolean" };
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return { anyOf: [{ type: "number" }, { type: "string", enum: ["NaN", "Infinity", "-Infinity"] }] };
    default:
      return integerSchema(scalar, use);
  }
}

function integerSchema(scalar: ScalarType, use: "input" | "output" | "key"): JsonSchema {
  const isUnsigned = [ScalarType.UINT32, ScalarType.FIXED32, ScalarType.UINT64, ScalarType.FIXED64].includes(scalar);
  const isSmall = [
    ScalarType.INT32,
    ScalarType.SINT32,
    ScalarType.SFIXED32,
    ScalarType.UINT32,
    ScalarType.FIXED32,
  ].includes(scalar);
  const pattern = isUnsigned ? "^[0-9]+$" : "^-?[0-9]+$";
  if (use === "key") return { pattern };
  if (!isSmall) return { type: use === "input" ? ["string", "integer"] : "string", pattern };
  return isUnsigned
    ? { type: "integer", minimum: 0, maximum: 2 ** 32 - 1 }
    : { type: "integer", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
}
