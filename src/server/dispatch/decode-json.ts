import {
  type DescMessage,
  fromJson,
  fromJsonString,
  type JsonValue,
  type Message,
  type Registry,
} from "@bufbuild/protobuf";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError, type FieldViolation, manyInvalid } from "../../errors/api-error.ts";
import { explainJsonErrors } from "./explain-json-errors.ts";

/**
 * Decodes the JSON text of a request. Throws ApiError MESSAGE_MALFORMED with the path and the expected type of each invalid
 * field, without the value, which may be a misplaced secret and which protobuf's own errors quote.
 */
export function decodeJson(input: DescMessage, text: string, registry: Registry): Message {
  try {
    return fromJsonString(input, text, { registry });
  } catch {
    throw malformed(input, parse(text), "the message has the same key twice in one object");
  }
}

/** The same as `decodeJson` for parsed JSON. */
export function decodeJsonValue(input: DescMessage, value: unknown): Message {
  try {
    return fromJson(input, value as JsonValue);
  } catch {
    throw malformed(input, value, "the arguments set a field twice, or two fields that exclude each other");
  }
}

function malformed(input: DescMessage, value: unknown, otherwise: string): ApiError {
  const faults = explainJsonErrors(input, value);
  return faults.length > 0 ? fieldsMalformed(faults) : new ApiError(ErrorReason.MESSAGE_MALFORMED, otherwise);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(ErrorReason.MESSAGE_MALFORMED, "the message is not JSON");
  }
}

function fieldsMalformed(faults: readonly FieldViolation[]): ApiError {
  const { message, detail } = manyInvalid(faults);
  return new ApiError(ErrorReason.MESSAGE_MALFORMED, message, detail);
}
