import type { DescEnum, DescField, DescMessage, JsonValue } from "@bufbuild/protobuf";
import { descriptionOf } from "./descriptions.ts";
import { fieldSchema, isSecretField } from "./field-schema.ts";
import { oneofKeywords } from "./oneof-keywords.ts";

/** The keywords of JSON Schema that are used here. */
export interface JsonSchema {
  $ref?: string;
  $schema?: string;
  title?: string;
  description?: string;
  type?: JsonType | JsonType[];
  format?: string;
  contentEncoding?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  propertyNames?: JsonSchema;
  minProperties?: number;
  maxProperties?: number;
  items?: JsonSchema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  enum?: string[];
  const?: string | number | boolean;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  oneOf?: JsonSchema[];
  anyOf?: JsonSchema[];
  allOf?: JsonSchema[];
  not?: JsonSchema;
  deprecated?: boolean;
  writeOnly?: boolean;
  examples?: JsonValue[];
}

type JsonType = "object" | "array" | "string" | "integer" | "number" | "boolean" | "null";

/** The schema of a message that is an object. */
export interface ObjectSchema extends JsonSchema {
  type: "object";
  properties: Record<string, JsonSchema>;
}

/** What the schemas are of. */
export interface JsonSchemaOptions {
  /** Whether fields have their protobuf-JSON names, such as `userId1`, or those of the proto, such as `user_id_1`. */
  readonly names: "json" | "proto";
  /**
   * `input`: what a caller may send, with the rules of `buf.validate`; secrets are `writeOnly`. `output`: what the server
   * answers, every field that is always there `required`; secrets are not there.
   */
  readonly direction: "input" | "output";
  /** How a schema refers to the definition with this name, such as `#/$defs/KafkaConfig`. */
  readonly ref: (name: string) => string;
  /** The name of a definition; that of its message unless told otherwise, with `Edits` behind it for a partial one. */
  readonly nameOf?: (type: DescMessage | DescEnum, standing: Standing) => string;
  /** A schema instead of the one that protobuf JSON has for what stands in a field; undefined to leave it as it is. */
  readonly replace?: (field: DescField, standing: Standing, refer: Refer) => JsonSchema | undefined;
}

/** JSON Schemas (2020-12) of the protobuf-JSON form of messages. */
export interface JsonSchemas {
  /** The schema of a message; the messages inside it are references to definitions. */
  of(message: DescMessage): ObjectSchema;
  /** The same as a definition of its own, and a reference to it. */
  refer(message: DescMessage): JsonSchema;
  /** Every definition that a schema so far refers to, directly or through others, by its name. */
  definitions(): Record<string, JsonSchema>;
}

/** How a message stands: as it is; or in part, such as edits to lay over another, and then nothing of it is required. */
export type Standing = "whole" | "partial";

/** How the schema of a field gets that of a message or an enum: as a reference. */
export type Refer = (type: DescMessage | DescEnum, standing: Standing) => JsonSchema;

/** Makes JSON Schemas that share definitions. */
export function createJsonSchemas(options: JsonSchemaOptions): JsonSchemas {
  const { names, direction, ref, nameOf = defaultName } = options;
  const defined = new Map<string, { of: DescMessage | DescEnum; schema: JsonSchema }>();
  const demanding = new Map<DescMessage, boolean>();

  const refer: Refer = (type, standing) => {
    const isWhole = standing === "whole" || type.kind === "enum" || !demandsSomething(type);
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

  const messageSchema = (message: DescMessage, standing: Standing): ObjectSchema => {
    const schema: ObjectSchema = { type: "object", properties: {} };
    const description = descriptionOf(message);
    if (description !== "") schema.description = description;
    const required: string[] = [];
    for (const field of message.fields) {
      if (direction === "output" && isSecretField(field)) continue;
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
  function demandsSomething(message: DescMessage): boolean {
    const known = demanding.get(message);
    if (known !== undefined) return known;
    demanding.set(message, false); // for a message that contains itself
    const demands =
      Object.keys(oneofKeywords(message, names, "whole")).length > 0 ||
      message.fields.some(
        (field) =>
          fieldSchema(field, { ...options, refer: () => ({}), standing: "whole" }).isRequired ||
          (field.message !== undefined && demandsSomething(field.message)),
      );
    demanding.set(message, demands);
    return demands;
  }
}

/** Values by name. Their numbers, which protobuf JSON also takes, are nothing for people and agents. */
function enumSchema(type: DescEnum): JsonSchema {
  const values = type.values.map((value) => `- \`${value.name}\`: ${descriptionOf(value)}`);
  const description = [descriptionOf(type), values.join("\n")].join("\n\n").trim();
  return { type: "string", enum: type.values.map(({ name }) => name), description };
}

function defaultName(type: DescMessage | DescEnum, standing: Standing): string {
  return standing === "whole" ? type.name : `${type.name}Edits`;
}
