import type { Violation } from "@bufbuild/protovalidate";
import { ruleOf } from "../proto-schema/field-options.ts";

/**
 * Returns what is wrong in a sentence for the caller: the library's, but for patterns and for a oneof without a member, of which it
 * only repeats the regular expression or says that something is missing.
 */
export function describeViolation({ field: path, ruleId, message, forKey }: Violation): string {
  const oneof = path.at(-1);
  if (oneof?.kind === "oneof")
    return `exactly one of these must be given: ${oneof.fields.map(({ name }) => name).join(", ")}`;
  if (ruleId !== "string.pattern") return message;
  const field = path.findLast((part) => part.kind === "field");
  const rule = field === undefined ? "" : ruleOf(field, forKey ? "key" : "value");
  return rule === "" ? message : rule;
}
