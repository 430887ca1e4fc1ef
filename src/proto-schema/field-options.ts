import { type DescField, type DescMessage, getOption } from "@bufbuild/protobuf";
import type { GenExtension } from "@bufbuild/protobuf/codegenv2";
import type { FieldOptions } from "@bufbuild/protobuf/wkt";
import { destination, secret } from "../../gen/connectory/options/v1/field_pb.js";

/**
 * Reads an option of fields. The library decodes an option whenever it is asked for, and every configuration is walked field
 * by field: the value of each field is read once.
 */
export function fieldOption<Value>(option: GenExtension<FieldOptions, Value>): (field: DescField) => Value {
  const known = new WeakMap<DescField, { readonly value: Value }>();
  return (field) => {
    const entry = known.get(field) ?? { value: getOption(field, option) };
    known.set(field, entry);
    return entry.value;
  };
}

/** True when the field holds a secret. */
export const isSecret: (field: DescField) => boolean = fieldOption(secret);

/** True when the field decides where the configuration's secrets are sent. */
export const isDestination: (field: DescField) => boolean = fieldOption(destination);

/** The message whose fields are configuration fields of their own; undefined for a leaf, such as a Duration. */
export function nestedMessage(field: DescField): DescMessage | undefined {
  const message = field.message;
  return message?.typeName.startsWith("google.protobuf.") ? undefined : message;
}
