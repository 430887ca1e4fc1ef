import {
  create,
  type DescMessage,
  fromJson,
  fromJsonString,
  type JsonObject,
  type JsonValue,
  type Message,
} from "@bufbuild/protobuf";
import { EmptySchema, FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { ErrorReason } from "../../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError, type FieldViolation, manyInvalid } from "../../../errors/api-error.ts";
import { emptyJsonObject, isJsonObject } from "../../../proto-schema/json-object.ts";
import { explainJsonErrors } from "../../dispatch/explain-json-errors.ts";
import { checkRequestJson, jsonBounds } from "../../request-limits/check-request.ts";
import type { JsonBounds } from "../../request-limits/scan-json.ts";
import { normalizeBody, type RefuseMember } from "./normalize-body.ts";
import { putText, readQuery } from "./read-query.ts";

/** The parts of an HTTP request that make up its message. */
export interface RequestParts {
  /** The part of the message in the body, see `HttpRule.body`. */
  readonly bodyRule: string;
  /** The text of the body; empty without one. */
  readonly body: string;
  /** The query without its `?`. */
  readonly query: string;
  /** The fields from the path and the headers. */
  readonly fixed: readonly FixedField[];
  /** Converts the JSON of the body, such as that of a web form, to that of the contract. Default: unchanged. */
  readonly adapt?: (body: JsonObject) => JsonObject;
}

/** A field from the path or a header. */
export interface FixedField {
  readonly field: string;
  readonly value: string;
  /**
   * The name of its source for error messages. A different value in body or query is then a violation. Default: the field
   * replaces theirs.
   */
  readonly source?: string;
}

/** The message of a request; `wrapped`: its fields were inside the member that a discriminator names. */
export interface DecodedRequest {
  readonly message: Message;
  readonly wrapped: boolean;
}

/**
 * Decodes the message of an HTTP request. Throws ApiError MESSAGE_MALFORMED with every invalid field, an error of the request
 * limits, or that of `rejectMember`.
 */
export function decodeRequest(schema: DescMessage, parts: RequestParts, rejectMember: RefuseMember): DecodedRequest {
  const { adapt = (body) => body } = parts;
  const { json, masks, violations, wrapped } = normalizeBody(schema, adapt(readJson(schema, parts)), rejectMember);
  for (const violation of putQuery(schema, json, parts)) violations.push(violation);
  for (const { field, value, source } of parts.fixed) {
    const alone = emptyJsonObject();
    const wrong = putText(schema, alone, field, value) ?? merge(json, alone, "", source);
    if (wrong !== undefined) violations.push(wrong);
  }
  // Field masks of the body are decoded by readFieldMask.
  for (const field of masks.keys()) delete json[field.name];
  const message = violations.length > 0 ? undefined : tryRead(schema, json);
  if (message === undefined) throw malformed(violations.length > 0 ? violations : explainJsonErrors(schema, json));
  for (const [field, paths] of masks)
    (message as unknown as Record<string, unknown>)[field.localName] = create(FieldMaskSchema, { paths });
  return { message, wrapped };
}

/** Returns the body as the JSON of the request. */
function readJson(schema: DescMessage, { bodyRule, body }: RequestParts): JsonObject {
  if (body === "") return {};
  if (bodyRule === "") throw new ApiError(ErrorReason.MESSAGE_MALFORMED, "this method takes no body");
  checkRequestJson(boundsOf(schema, bodyRule), body);
  let json: JsonValue;
  try {
    json = JSON.parse(body) as JsonValue;
  } catch {
    throw new ApiError(ErrorReason.MESSAGE_MALFORMED, "the body is not JSON");
  }
  if (bodyRule === "*" && !isJsonObject(json))
    throw new ApiError(ErrorReason.MESSAGE_MALFORMED, "the body must be a JSON object");
  const whole = bodyRule === "*" ? body : `{"body":${body}}`;
  try {
    // JSON.parse silently uses the last of two equal keys; the text parser of protobuf rejects them.
    fromJsonString(EmptySchema, whole, { ignoreUnknownFields: true });
  } catch {
    throw new ApiError(ErrorReason.MESSAGE_MALFORMED, "the body has the same key twice in one object");
  }
  return bodyRule === "*" ? (json as JsonObject) : { [bodyRule]: json };
}

/** Returns the limits of the body: those of the whole request, or of one field. */
function boundsOf(schema: DescMessage, bodyRule: string): JsonBounds {
  const bounds = jsonBounds(schema);
  const shape = bodyRule === "*" ? bounds.shape : bounds.shape?.members.get(bodyRule);
  return shape === undefined ? bounds : { ...bounds, shape };
}

function putQuery(schema: DescMessage, json: JsonObject, { bodyRule, query }: RequestParts): FieldViolation[] {
  const parameters = readQuery(query);
  if (parameters === undefined)
    throw new ApiError(ErrorReason.MESSAGE_MALFORMED, "the query is not percent-encoded UTF-8");
  return parameters.flatMap(([name, value]) => {
    if (bodyRule === "*")
      return [{ field: name, description: "is no parameter: this method's fields go into the body" }];
    return putText(schema, json, name, value) ?? [];
  });
}

/** Merges fixed fields into the given ones. Returns a violation for a different value when the source has a name. */
function merge(
  target: JsonObject,
  source: JsonObject,
  path: string,
  origin: string | undefined,
): FieldViolation | undefined {
  for (const [key, value] of Object.entries(source)) {
    const present = target[key];
    const at = path + key;
    if (isJsonObject(value) && isJsonObject(present)) return merge(present, value, `${at}.`, origin);
    const differs = present !== undefined && present !== "" && String(present) !== String(value);
    if (differs && origin !== undefined) return { field: at, description: `says something else than ${origin} does` };
    target[key] = value;
  }
  return undefined;
}

function tryRead(schema: DescMessage, json: JsonObject): Message | undefined {
  try {
    return fromJson(schema, json);
  } catch {
    return undefined; // the fields are searched for the cause later
  }
}

function malformed(violations: readonly FieldViolation[]): ApiError {
  if (violations.length === 0) return new ApiError(ErrorReason.MESSAGE_MALFORMED, "the request cannot be read");
  const { message, detail } = manyInvalid(violations);
  return new ApiError(ErrorReason.MESSAGE_MALFORMED, message, detail);
}
