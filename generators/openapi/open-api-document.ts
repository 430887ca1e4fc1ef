import type { JsonValue } from "@bufbuild/protobuf";
import type { JsonSchema } from "../../src/proto-schema/json-schema/keywords.ts";

/** The parts of an OpenAPI 3.1 document that are used here. */
export interface OpenApiDocument {
  readonly openapi: "3.1.0";
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly summary: string;
    readonly description: string;
    readonly license: { readonly name: string; readonly identifier: string };
  };
  readonly servers: readonly { readonly url: string; readonly description: string }[];
  readonly security: readonly Record<string, readonly string[]>[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: {
    readonly securitySchemes: Record<string, Record<string, string>>;
    readonly schemas: Record<string, JsonSchema>;
    readonly parameters: Record<string, Parameter>;
    readonly headers: Record<string, Header>;
    readonly responses: Record<string, Response>;
  };
}

/** One way to call an RPC. */
export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly deprecated?: boolean;
  readonly security?: readonly Record<string, readonly string[]>[];
  readonly parameters: readonly (Parameter | Reference)[];
  readonly requestBody?: RequestBody;
  readonly responses: Record<string, Response | Reference>;
}

export interface Reference {
  readonly $ref: string;
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  readonly required: boolean;
  readonly style?: "deepObject";
  readonly explode?: boolean;
  readonly deprecated?: boolean;
  readonly schema: JsonSchema;
  readonly example?: JsonValue;
}

export interface RequestBody {
  readonly required: boolean;
  readonly content: Record<string, MediaType>;
}

export interface MediaType {
  readonly schema: JsonSchema;
  readonly examples?: Record<string, Example>;
}

export interface Example {
  readonly summary: string;
  readonly value: JsonValue;
}

export interface Header {
  readonly description: string;
  /** Whether it is always there. */
  readonly required: boolean;
  readonly schema: JsonSchema;
}

export interface Response {
  readonly description: string;
  readonly headers?: Record<string, Reference>;
  readonly content?: Record<string, MediaType>;
}
