import { type DescMessage, type DescOneof, getOption } from "@bufbuild/protobuf";
import { oneof as oneofRules } from "../../../gen/buf/validate/validate_pb.js";
import type { Completeness, JsonSchema } from "./keywords.ts";

/** Returns whether one of the members must be set. */
export function isRequiredOneof(oneof: DescOneof): boolean {
  return getOption(oneof, oneofRules).required;
}

/**
 * Returns the keywords for at most one member of each oneof, or exactly one where the contract requires it. A message that is
 * only a oneof gets a number of properties, which client generators, models and people understand better than a `oneOf`.
 */
export function oneofKeywords(
  message: DescMessage,
  names: "json" | "proto",
  standing: Completeness,
): Pick<JsonSchema, "minProperties" | "maxProperties" | "oneOf" | "not" | "allOf"> {
  const [first, ...others] = message.oneofs.map((oneof) => {
    const isRequired = isRequiredOneof(oneof) && standing === "whole";
    if (oneof.fields.length === message.fields.length)
      return { ...(isRequired ? { minProperties: 1 } : {}), maxProperties: 1 };
    const present = oneof.fields.map((field) => ({ required: [names === "proto" ? field.name : field.jsonName] }));
    return isRequired ? { oneOf: present } : { not: { anyOf: pairs(present) } };
  });
  if (first === undefined) return {};
  return others.length === 0 ? first : { allOf: [first, ...others] };
}

/** Returns all pairs of members. */
function pairs(present: readonly { required: string[] }[]): JsonSchema[] {
  return present.flatMap((one, index) =>
    present.slice(index + 1).map((other) => ({ required: [...one.required, ...other.required] })),
  );
}
