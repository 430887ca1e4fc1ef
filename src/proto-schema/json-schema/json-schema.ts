import type { DescEnum, DescMessage } from "@bufbuild/protobuf";
import { descriptionOf } from "../comments/description-of.ts";
import { isSecret } from "../field-options.ts";
import { fieldSchema } from "./field-schema.ts";
import type { Completeness, JsonSchema, JsonSchemaOptions, ObjectSchema, Refer } from "./keywords.ts";
import { oneofKeywords } from "./oneof-keywords.ts";

/** JSON Schemas (2020-12) of the protobuf-JSON form of messages. */
export interface JsonSchemas {
  /** The schema of a message; the messages inside it are references to definitions. */
  of(message: DescMessage): ObjectSchema;
  /** The same as a definition of its own, and a reference to it. */
  refer(message: DescMessage): JsonSchema;
  /** Every definition that a schema so far refers to, directly or through others, by its name. */
  definitions(): Record<string, JsonSchema>;
}

/** Makes JSON Schemas that share definitions. */
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
      defined.set(name, entry); // before its fields are walked: a message may contain itself
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
      if (direction === "output" && isSecret(field)) continue;
      const name = names === "proto" ? field.name : field.jsonName;
      const { schema: property, isRequired } = fieldSchema(field, { ...options, refer, standing });
      schema.properties[name] = property;
      if (isRequired) required.push(name);
    }
    if (required.length > 0) schema.required = required;
    if (direction === "output") return schema;
    // The server refuses fields that it does not know. Answers may have more of them one day.
    return { ...schema, ...oneofKeywords(message, names, standing), additionalProperties: false };
  };

  return {
    of: (message) => messageSchema(message, "whole"),
    refer: (message) => refer(message, "whole"),
    definitions: () => Object.fromEntries([...defined].map(([name, { schema }]) => [name, schema])),
  };

  /** False for a message that is the same in part: nothing in it is required. */
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

/** Values by name. Their numbers, which protobuf JSON also takes, are nothing for people and agents. */
function enumSchema(type: DescEnum): JsonSchema {
  const values = type.values.map((value) => `- \`${value.name}\`: ${descriptionOf(value)}`);
  const description = [descriptionOf(type), values.join("\n")].join("\n\n").trim();
  return { type: "string", enum: type.values.map(({ name }) => name), description };
}

function defaultName(type: DescMessage | DescEnum, standing: Completeness): string {
  return standing === "whole" ? type.name : `${type.name}Edits`;
}
