import type { DescEnum, DescField, DescMessage, JsonValue } from "@bufbuild/protobuf";

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
  readonly nameOf?: (type: DescMessage | DescEnum, standing: Completeness) => string;
  /** A schema instead of the one that protobuf JSON has for what stands in a field; undefined to leave it as it is. */
  readonly replace?: (field: DescField, standing: Completeness, refer: Refer) => JsonSchema | undefined;
}

/** How a message stands: as it is; or in part, such as edits to lay over another, and then nothing of it is required. */
export type Completeness = "whole" | "partial";

/** How the schema of a field gets that of a message or an enum: as a reference. */
export type Refer = (type: DescMessage | DescEnum, standing: Completeness) => JsonSchema;
