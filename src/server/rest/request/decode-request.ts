import type { DescMessage, JsonObject, Message } from "@bufbuild/protobuf";
import { ErrorReason } from "../../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError, type FieldViolation, maxViolations } from "../../../errors/api-error.ts";
import { emptyJsonObject, isJsonObject } from "../../../proto-schema/json-object.ts";
import { type DecodeJsonOptions, decodeNormalized } from "../../json/decode-json.ts";
import { normalizeJson } from "../../json/normalize-json.ts";
import { parseJson } from "../../json/parse-json.ts";
import { checkRequestJson, jsonBounds } from "../../request-limits/check-request.ts";
import type { JsonBounds } from "../../request-limits/scan-json.ts";
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

/**
 * Decodes the message of an HTTP request. Throws ApiError MESSAGE_MALFORMED with every invalid field, an error of the request
 * limits, or that of `rejectMember`.
 */
export function decodeRequest(schema: DescMessage, parts: RequestParts, options: DecodeJsonOptions): Message {
  const { adapt = (body) => body } = parts;
  const normalized = normalizeJson(schema, adapt(readJson(schema, parts)), options.form, options.rejectMember);
  const { json, violations } = normalized;
  for (const violation of putQuery(schema, json, parts)) violations.push(violation);
  for (const { field, value, source } of parts.fixed) {
    const alone = emptyJsonObject();
    const wrong = putText(schema, alone, field, value) ?? merge(json, alone, "", source);
    if (wrong !== undefined) violations.push(wrong);
  }
  return decodeNormalized(schema, normalized, options);
}

/** Returns the body as the JSON of the request. */
function readJson(schema: DescMessage, { bodyRule, body }: RequestParts): JsonObject {
  if (body === "") return {};
  if (bodyRule === "") return requireEmpty(body);
  checkRequestJson(boundsOf(schema, bodyRule), body);
  const json = parseJson(body);
  if (bodyRule !== "*") return { [bodyRule]: json };
  if (!isJsonObject(json)) throw new ApiError(ErrorReason.MESSAGE_MALFORMED, "the body must be a JSON object");
  return json;
}

/** The longest body of a method without one, in characters: `{}` between blanks. */
const emptyBody = 64;

/** A body without content has no meaning with GET and DELETE, and some clients always send one (RFC 9110, 9.3.5). */
function requireEmpty(body: string): JsonObject {
  if (body.length <= emptyBody && /^\s*(?:\{\s*\}|null)?\s*$/.test(body)) return {};
  throw new ApiError(
    ErrorReason.MESSAGE_MALFORMED,
    "this method takes its fields from the path and the query: send no body, or {}",
  );
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
  const violations: FieldViolation[] = [];
  for (const [name, value] of parameters) {
    if (violations.length > maxViolations) break; // only so many are sent, and a query can have thousands
    const fault =
      bodyRule === "*"
        ? { field: name, description: "is no parameter: this method's fields go into the body" }
        : putText(schema, json, name, value);
    if (fault !== undefined) violations.push(fault);
  }
  return violations;
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
