import type { AnyDesc, DescEnum, DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { field as fieldRules } from "../../../gen/buf/validate/validate_pb.js";
import { descriptionOf } from "../comments/description-of.ts";
import { fieldOption, isSecret, nestedMessage } from "../field-options.ts";
import { fieldSchema } from "./field-schema.ts";
import type { JsonSchema, ObjectSchema } from "./keywords.ts";
import { isRequiredOneof } from "./oneof-keywords.ts";
import { titleOf } from "./title-of.ts";

/** A JSON Schema with the names of the secret properties of an object, which forms mask during input. */
export interface FormSchema extends ObjectSchema {
  sensitive?: string[];
}

/** The title of the option for an absent field. */
export const noneTitle = "None";

/**
 * Returns the schema of a configuration for programs that generate web forms: draft-07, with titles, without references, and with
 * `sensitive` as the only custom keyword. Properties have their proto names. Throws Error for a recursive message. The
 * requirements of such forms decide the rest:
 *
 * - A choice is a property of its own, with a `oneOf` of titled objects and nothing else, no `type` either: next to a `type`
 *   forms show the object that it names, without the choice. A choice is a oneof, under its name, and an optional message.
 *   Forms fill in properties beside a choice: a `tls` without a choice would always be present, and its presence turns TLS
 *   on. `parseFormConfig` removes the choices again, `toFormConfig` adds them.
 * - No `$schema`: a validator of a later draft would reject a schema that it has not loaded.
 * - The object itself allows further properties: forms add `name` and `__meta` to the configuration.
 */
export function formSchemaOf(message: DescMessage): FormSchema {
  const { type, title, additionalProperties: _, ...open } = objectSchema(message, titleOf(message), []);
  return { type, title, ...described(message), ...open } as FormSchema;
}

function objectSchema(message: DescMessage, title: string, around: readonly DescMessage[]): FormSchema {
  if (around.includes(message)) throw new Error(`${message} contains itself: a form of it would have no end`);
  const schema: FormSchema = { type: "object", title, properties: {} };
  const required: string[] = [];
  for (const member of message.members) {
    const made = member.kind === "oneof" ? oneofSchema(member, around) : propertySchema(member, around);
    schema.properties[member.name] = made.schema;
    if (made.isRequired) required.push(member.name);
  }
  if (required.length > 0) schema.required = required;
  const secrets = message.members.filter((member) => member.kind === "field" && isSecret(member));
  if (secrets.length > 0) schema.sensitive = secrets.map(({ name }) => name);
  return { ...schema, additionalProperties: false };
}

function propertySchema(field: DescField, around: readonly DescMessage[]): { schema: JsonSchema; isRequired: boolean } {
  const refer = (type: DescMessage | DescEnum) =>
    type.kind === "enum"
      ? { type: "string" as const, enum: type.values.map(({ name }) => name) }
      : objectSchema(type, titleOf(field), [...around, field.parent]);
  const made = fieldSchema(field, { names: "proto", direction: "input", standing: "whole", refer });
  const { writeOnly: _, ...plain } = made.schema;
  const schema = { title: titleOf(field), ...withoutLength(plain) };
  if (schema.items !== undefined) schema.items = { title: titleOf(field), ...withoutLength(schema.items) };
  if (typeof schema.additionalProperties === "object")
    schema.additionalProperties = { title: titleOf(field), ...withoutLength(schema.additionalProperties) };
  return { schema: isOptionalMessage(field) ? optional(schema) : schema, isRequired: made.isRequired };
}

const rulesOf = fieldOption(fieldRules);

/** Returns whether the form of a field is a choice between nothing and the fields of its message. */
export function isOptionalMessage(field: DescField): boolean {
  if (field.fieldKind !== "message" || field.oneof !== undefined) return false;
  return nestedMessage(field) !== undefined && !rulesOf(field).required;
}

/** Makes a choice of an optional message. An empty object must match one option only. */
function optional({ title = "", description = "", ...schema }: JsonSchema): JsonSchema {
  const atLeast = schema.required === undefined ? { minProperties: 1 } : {};
  return { title, description, oneOf: [none(), { title, ...schema, ...atLeast }] };
}

function oneofSchema(oneof: DescOneof, around: readonly DescMessage[]): { schema: JsonSchema; isRequired: boolean } {
  const isRequired = isRequiredOneof(oneof);
  const members = oneof.fields.map((field): FormSchema => {
    return {
      type: "object",
      title: titleOf(field),
      ...described(field),
      properties: { [field.name]: propertySchema(field, around).schema },
      required: [field.name],
      ...(isSecret(field) ? { sensitive: [field.name] } : {}),
      additionalProperties: false,
    };
  });
  const options = isRequired ? members : [none(), ...members];
  return { schema: { title: titleOf(oneof), ...described(oneof), oneOf: options }, isRequired };
}

function described(desc: AnyDesc): { description?: string } {
  const description = descriptionOf(desc);
  return description === "" ? {} : { description };
}

function none(): JsonSchema {
  return { type: "object", title: noneTitle, additionalProperties: false };
}

/**
 * Removes the maximum length of a single-line text: forms use a multi-line input for texts of 100 characters and more, which
 * masks no password. Only certificates and keys keep it, the only texts that may exceed 16384 characters.
 */
function withoutLength(schema: JsonSchema): JsonSchema {
  const { maxLength = 0, ...rest } = schema;
  return maxLength < 100 || maxLength > 16_384 ? schema : rest;
}
