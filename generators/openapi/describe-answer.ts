import type { DescMethod, JsonObject } from "@bufbuild/protobuf";
import { RestStyle } from "../../gen/connectory/options/v1/rest_pb.js";
import { descriptionOf } from "../../src/proto-schema/comments/description-of.ts";
import type { HttpRule } from "../../src/proto-schema/http/http-rule.ts";
import { type Envelope, etagOf, type RestMapping, restNameOf } from "../../src/proto-schema/http/rest-mapping.ts";
import type { JsonSchema, ObjectSchema } from "../../src/proto-schema/json-schema/keywords.ts";
import type { SampleOf } from "./create-samples.ts";
import type { DocumentSchemas } from "./create-schemas.ts";
import { streamContent, streamWords } from "./describe-stream.ts";
import { envelopeSchema, pagingSchema } from "./envelope-schema.ts";
import type { Reference, Response } from "./open-api-document.ts";

/** What a success answers, in the form that its service has over REST. */
export function describeAnswer(
  method: DescMethod,
  { verb }: HttpRule,
  form: RestMapping,
  schemas: DocumentSchemas,
  sampleOf: SampleOf,
): Response {
  const description = descriptionOf(method.output);
  const headers: Record<string, Reference> = { "X-Request-Id": { $ref: "#/components/headers/RequestId" } };
  if (method.methodKind !== "unary")
    return {
      description: `${description} ${streamWords}`,
      headers,
      content: streamContent(method, form, schemas, sampleOf),
    };
  if (form.shape === "resource" && etagOf(form.resource?.message) !== undefined)
    headers.ETag = { $ref: "#/components/headers/ETag" };
  const schema = schemas.keep(method.output.name, answerSchema(method, form, schemas));
  const told = form.style === RestStyle.ENVELOPE ? envelopeSample(method, verb, form) : {};
  const value = { ...(sampleOf(schema, "answer") as JsonObject), ...told };
  const example = { summary: "An answer", value };
  return { description, headers, content: { "application/json": { schema, examples: { example } } } };
}

/** What the envelope of this RPC says whatever is answered. */
function envelopeSample({ output }: DescMethod, method: string, { action, status }: RestMapping): Partial<Envelope> {
  return { statusCode: String(status), dataName: output.fields[0]?.jsonName ?? "", method, action };
}

function answerSchema(method: DescMethod, form: RestMapping, schemas: DocumentSchemas): JsonSchema {
  const message = schemas.of(form.names, "output").of(method.output);
  if (form.style === RestStyle.ENVELOPE) return inEnvelope(message, method, form, schemas);
  const { resource } = form;
  if (form.style !== RestStyle.FLAT || form.shape === "message" || resource?.message === undefined) return message;
  const item = schemas.of(form.names, "output").refer(resource.message);
  const others = only(
    message,
    form.others.map((field) => restNameOf(field, form.names)),
  );
  if (form.shape === "list")
    return {
      ...others,
      properties: {
        data: { type: "array", items: item, description: descriptionOf(resource) },
        has_more: { type: "boolean", description: "True when there is another page." },
        ...others.properties,
      },
      required: ["data", "has_more", ...(others.required ?? [])],
    };
  if (form.others.length > 0) schemas.extend(item, others);
  if (!canBeMissing(method)) return item;
  const besides = method.output.fields.filter((field) => field !== resource);
  const missing = only(
    message,
    besides.map((field) => restNameOf(field, form.names)),
  );
  return { anyOf: [item, { ...missing, additionalProperties: false }] };
}

function inEnvelope(
  message: ObjectSchema,
  method: DescMethod,
  form: RestMapping,
  schemas: DocumentSchemas,
): JsonSchema {
  const envelope = schemas.keep("Envelope", envelopeSchema);
  const required = new Set(message.required ?? []);
  if (form.shape === "resource" && form.resource !== undefined && !canBeMissing(method))
    required.add(restNameOf(form.resource, form.names));
  const properties = { ...message.properties };
  if (form.shape === "list" && message.properties.nextPageToken !== undefined) {
    properties.paging = schemas.keep("Paging", pagingSchema);
    required.add("paging");
  }
  return { allOf: [envelope, { ...message, properties, required: [...required] }] };
}

/** An answer may be without its resource when the caller allows that there is none (AIP-135). */
function canBeMissing({ input }: DescMethod): boolean {
  return input.fields.some(({ name }) => name === "allow_missing");
}

function only(schema: ObjectSchema, names: readonly string[]): ObjectSchema {
  const required = (schema.required ?? []).filter((name) => names.includes(name));
  return {
    type: "object",
    properties: Object.fromEntries(Object.entries(schema.properties).filter(([name]) => names.includes(name))),
    ...(required.length === 0 ? {} : { required }),
  };
}
