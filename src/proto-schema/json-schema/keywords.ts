import type { DescEnum, DescField, DescMessage, JsonValue } from "@bufbuild/protobuf";

/** The JSON Schema keywords that the generated schemas use. */
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
  /** Of OpenAPI: which of a `oneOf` it is, by the value of a property. */
  discriminator?: { propertyName: string; mapping: Record<string, string> };
}

type JsonType = "object" | "array" | "string" | "integer" | "number" | "boolean" | "null";

/** The schema of a message whose JSON is an object. */
export interface ObjectSchema extends JsonSchema {
  type: "object";
  properties: Record<string, JsonSchema>;
}

/** The options of generated schemas. */
export interface JsonSchemaOptions {
  /** The names of fields: those of protobuf JSON, such as `userId1`, or those of the proto, such as `user_id_1`. */
  readonly names: "json" | "proto";
  /**
   * `input`: the schema of requests, with the rules of `buf.validate`; secrets are `writeOnly`. `output`: the schema of
   * responses; fields that are always present are `required`, secrets are absent, but for the keys of maps of them.
   */
  readonly direction: "input" | "output";
  /** Returns the reference to a definition, such as `#/$defs/KafkaConfig`. */
  readonly ref: (name: string) => string;
  /** Returns the name of a definition. Default: the name of the type, with the suffix `Edits` for a partial one. */
  readonly nameOf?: (type: DescMessage | DescEnum, standing: Completeness) => string;
  /** Returns a schema in place of that of protobuf JSON for the value of a field; undefined to keep it. Default: keep all. */
  readonly replace?: (field: DescField, standing: Completeness, refer: Refer) => JsonSchema | undefined;
}

/** Whether a message is complete, or partial, such as edits of another one, in which no field is required. */
export type Completeness = "whole" | "partial";

/** Returns the schema of a message or an enum inside a field, usually a reference. */
export type Refer = (type: DescMessage | DescEnum, standing: Completeness) => JsonSchema;
