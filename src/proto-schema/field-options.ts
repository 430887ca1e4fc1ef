import { type DescField, type DescMessage, getOption } from "@bufbuild/protobuf";
import type { GenExtension } from "@bufbuild/protobuf/codegenv2";
import type { FieldOptions } from "@bufbuild/protobuf/wkt";
import { destination, key_rule, rule, secret } from "../../gen/connectory/options/v1/field_pb.js";

/**
 * Returns a function that reads an option of a field once for each field: the library decodes an option at every access, and
 * every configuration is processed field by field.
 */
export function fieldOption<Value>(option: GenExtension<FieldOptions, Value>): (field: DescField) => Value {
  const known = new WeakMap<DescField, { readonly value: Value }>();
  return (field) => {
    const entry = known.get(field) ?? { value: getOption(field, option) };
    known.set(field, entry);
    return entry.value;
  };
}

/** Returns whether the field holds a secret. */
export const isSecret: (field: DescField) => boolean = fieldOption(secret);

/** Returns whether the field decides where the secrets of a configuration are sent. */
export const isDestination: (field: DescField) => boolean = fieldOption(destination);

const valueRule = fieldOption(rule);
const keyRule = fieldOption(key_rule);

/** Returns the rule of a field's pattern as a sentence, of a map that of its keys or of its values; empty without one. */
export function ruleOf(field: DescField, of: "key" | "value" = "value"): string {
  return of === "key" ? keyRule(field) : valueRule(field);
}

/** Returns the message whose fields are configuration fields of their own; undefined for a leaf, such as a Duration. */
export function nestedMessage(field: DescField): DescMessage | undefined {
  const message = field.message;
  return message?.typeName.startsWith("google.protobuf.") ? undefined : message;
}
