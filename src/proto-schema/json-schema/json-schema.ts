import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf";
import { descriptionOf } from "../comments/description-of.ts";
import { isSecret } from "../field-options.ts";
import { fieldSchema } from "./field-schema.ts";
import type { Completeness, JsonSchema, JsonSchemaOptions, ObjectSchema, Refer } from "./keywords.ts";
import { oneofKeywords } from "./oneof-keywords.ts";

/** JSON Schemas (2020-12) of the protobuf-JSON form of messages. */
export interface JsonSchemas {
  /** Returns the schema of a message; messages inside it are references to definitions. */
  of(message: DescMessage): ObjectSchema;
  /** Adds the schema of a message to the definitions and returns a reference to it. Throws Error when two types have one name. */
  refer(message: DescMessage): JsonSchema;
  /** Returns all definitions that schemas have referred to so far, directly or indirectly, by name. */
  definitions(): Record<string, JsonSchema>;
}

/** Creates JSON Schemas that share definitions. */
export function createJsonSchemas(options: JsonSchemaOptions): JsonSchemas {
  const { names, direction, ref, nameOf = defaultName } = options;
  const defined = new Map<string, { of: DescMessage | DescEnum; schema: JsonSchema }>();
  const requiredByMessage = new Map<DescMessage, boolean>();

  const refer: Refer = (type, standing) => {
    const isWhole = standing === "whole" || type.kind === "enum" || !hasRequiredFields(type);
    const name = nameOf(type, isWhole ? "whole" : "partial");
    const known = defined.get(name);
    if (known !== undefined && known.of !== type) throw new Error(`${known.of} and ${type} have the same short name`);
    if (known === undefined) {
      const entry = { of: type, schema: {} };
      defined.set(name, entry); // before its fields are processed: a message may contain itself
      entry.schema = type.kind === "enum" ? enumSchema(type) : messageSchema(type, standing);
    }
    return { $ref: ref(name) };
  };

  const messageSchema = (message: DescMessage, standing: Completeness): ObjectSchema => {
    const schema: ObjectSchema = { type: "object", properties: {} };
    const description = descriptionOf(message);
    if (description !== "") schema.description = description;
    const required: string[] = [];
    for (const field of message.fields) {
      if (direction === "output" && isNeverSent(field)) continue;
      const name = names === "proto" ? field.name : field.jsonName;
      const { schema: property, isRequired } = fieldSchema(field, { ...options, refer, standing });
      schema.properties[name] = property;
      if (isRequired) required.push(name);
    }
    if (required.length > 0) schema.required = required;
    if (direction === "output") return schema;
    // The server rejects unknown fields. Responses may get further fields later.
    return { ...schema, ...oneofKeywords(message, names, standing), additionalProperties: false };
  };

  return {
    of: (message) => messageSchema(message, "whole"),
    refer: (message) => refer(message, "whole"),
    definitions: () => Object.fromEntries([...defined].map(([name, { schema }]) => [name, schema])),
  };

  /** Returns whether a message has required parts; without them its partial schema equals the whole one. */
  function hasRequiredFields(message: DescMessage): boolean {
    const known = requiredByMessage.get(message);
    if (known !== undefined) return known;
    requiredByMessage.set(message, false); // for a message that contains itself
    const demands =
      Object.keys(oneofKeywords(message, names, "whole")).length > 0 ||
      message.fields.some(
        (field) =>
          fieldSchema(field, { ...options, refer: () => ({}), standing: "whole" }).isRequired ||
          (field.message !== undefined && hasRequiredFields(field.message)),
      );
    requiredByMessage.set(message, demands);
    return demands;
  }
}

/** Returns whether responses never have the field: of lists and maps of secrets they have the elements and keys, without values. */
function isNeverSent(field: DescField): boolean {
  return isSecret(field) && field.fieldKind === "scalar";
}

/**
 * Returns the schema of an enum with its names, without the numbers that protobuf JSON also accepts, which mean nothing to people
 * and agents.
 */
function enumSchema(type: DescEnum): JsonSchema {
  const values = type.values.map((value) => `- \`${value.name}\`: ${descriptionOf(value)}`);
  const description = [descriptionOf(type), values.join("\n")].join("\n\n").trim();
  return { type: "string", enum: type.values.map(({ name }) => name), description };
}

function defaultName(type: DescMessage | DescEnum, standing: Completeness): string {
  return standing === "whole" ? type.name : `${type.name}Edits`;
}
