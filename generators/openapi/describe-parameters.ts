import { type DescField, type DescMethod, ScalarType } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import type { HttpRule } from "../../src/proto-schema/http/http-rule.ts";
import {
  etagOf,
  queryAliases,
  type RestMapping,
  requestIdField,
  restNameOf,
  streamPositionOf,
} from "../../src/proto-schema/http/rest-mapping.ts";
import type { JsonSchema, ObjectSchema } from "../../src/proto-schema/json-schema/keywords.ts";
import type { DocumentSchemas } from "./create-schemas.ts";
import { requestSchema } from "./describe-request.ts";
import type { Parameter, Reference } from "./open-api-document.ts";

/** Headers that several RPCs take, by the name of their component. */
export const headerParameters: Readonly<Record<string, Parameter>> = {
  RequestId: {
    name: "X-Request-Id",
    in: "header",
    required: false,
    description:
      "An id for the call, which the answer and the server's log then have; the server makes one without it.",
    schema: { type: "string", pattern: "^[A-Za-z0-9._:-]{1,64}$" },
  },
  Timeout: {
    name: "Connect-Timeout-Ms",
    in: "header",
    required: false,
    description: "So many milliseconds the caller will wait; then the call ends with DEADLINE_EXCEEDED.",
    schema: { type: "integer", minimum: 1, maximum: 9_999_999_999 },
  },
  IfMatch: {
    name: "If-Match",
    in: "header",
    required: false,
    description: "The `ETag` of the state that the caller has seen. When there is another one now the answer is 412.",
    schema: { type: "string" },
  },
  IfNoneMatch: {
    name: "If-None-Match",
    in: "header",
    required: false,
    description: "The `ETag` that the caller has. When it is still the same the answer is 304, without a body.",
    schema: { type: "string" },
  },
  IdempotencyKey: {
    name: "Idempotency-Key",
    in: "header",
    required: false,
    description:
      "Stands for the request's own id of the call: a UUID, or any other text of 1 to 255 printable characters.",
    schema: { type: "string", minLength: 1, maxLength: 255 },
  },
  LastEventId: {
    name: "Last-Event-ID",
    in: "header",
    required: false,
    description: "The id of the last event that was seen: the stream goes on after it. Browsers send it by themselves.",
    schema: { type: "string" },
  },
};

/** Every parameter of a way to call an RPC: of the path, of the query, and headers. */
export function describeParameters(
  method: DescMethod,
  rule: HttpRule,
  form: RestMapping,
  schemas: DocumentSchemas,
): (Parameter | Reference)[] {
  const schema = requestSchema(method, form, schemas);
  const inPath = rule.variables.map((variable): Parameter => {
    const field = fieldAt(method, variable);
    const { description = "", ...plain } = schema.properties[restNameOf(field, form.names)] ?? {};
    return { name: variable, in: "path", required: true, description, schema: plain };
  });
  const others = method.input.fields.filter(({ name }) => !rule.variables.includes(name) && name !== rule.body);
  const inQuery = rule.body === "*" ? [] : others.map((field) => queryParameter(field, form, schema));
  return [
    ...inPath,
    ...inQuery,
    ...headerNames(method, form).map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ];
}

function fieldAt({ input }: DescMethod, variable: string): DescField {
  const field = input.fields.find(({ name }) => name === variable);
  if (field === undefined) throw new Error(`${input}: there is no field ${variable} for the path`);
  return field;
}

function queryParameter(field: DescField, { names }: RestMapping, schema: ObjectSchema): Parameter {
  const name = restNameOf(field, names);
  const { description = "", deprecated, ...plain } = schema.properties[name] ?? {};
  const alias = queryAliases[field.name];
  return {
    name,
    in: "query",
    required: schema.required?.includes(name) === true,
    description: alias === undefined ? description : `${description} Also \`${alias}\`.`,
    ...(deprecated === true ? { deprecated } : {}),
    ...(plain.type === "object" || isNested(field, plain) ? { style: "deepObject", explode: true } : {}),
    schema: inText(field, plain),
  };
}

/** True for a message with fields of its own, whose names stand in brackets: `parent[child]=value`. */
function isNested({ fieldKind }: DescField, { $ref }: JsonSchema): boolean {
  return fieldKind === "message" && $ref !== undefined;
}

/** Numbers of 64 bits are text in a query anyway, and text has no bounds. */
function inText(field: DescField, schema: JsonSchema): JsonSchema {
  if (field.scalar !== ScalarType.INT64 && field.scalar !== ScalarType.UINT64) return schema;
  const { minimum: _, maximum: __, ...text } = schema;
  return { ...text, type: "string" };
}

function headerNames(method: DescMethod, { resource }: RestMapping): string[] {
  const isRead = method.idempotency === Idempotency.NO_SIDE_EFFECTS;
  const answersTag = isRead && resource?.fieldKind === "message" && etagOf(resource.message) !== undefined;
  return [
    ...(etagOf(method.input) !== undefined || answersTag ? ["IfMatch"] : []),
    ...(answersTag ? ["IfNoneMatch"] : []),
    ...(requestIdField(method.input) === undefined ? [] : ["IdempotencyKey"]),
    ...(streamPositionOf(method.input) === undefined ? [] : ["LastEventId"]),
    "RequestId",
    "Timeout",
  ];
}
