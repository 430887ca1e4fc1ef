import type { DescMessage, Message } from "@bufbuild/protobuf";
import { type DecodeJsonOptions, decodeJson } from "../json/decode-json.ts";
import { checkRequestJson, jsonBounds } from "../request-limits/check-request.ts";

/**
 * Decodes the arguments of a tool as the request of its RPC. Throws ApiError FIELD_INVALID when a field exceeds its rules, and
 * MESSAGE_MALFORMED with the invalid fields.
 */
export function readArguments(input: DescMessage, value: unknown, options: DecodeJsonOptions): Message {
  checkRequestJson(jsonBounds(input), JSON.stringify(value));
  return decodeJson(input, value, options);
}
