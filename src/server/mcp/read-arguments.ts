import type { DescMessage, Message } from "@bufbuild/protobuf";
import { decodeJsonValue } from "../dispatch/decode-json.ts";
import { checkRequestJson, jsonBounds } from "../request-limits/check-request.ts";

/**
 * Reads a tool's arguments as the request of its RPC. Throws ApiError FIELD_INVALID when there is more of a field than its
 * rules allow, and MESSAGE_MALFORMED that says which field is wrong.
 */
export function readArguments(input: DescMessage, value: unknown): Message {
  checkRequestJson(jsonBounds(input), JSON.stringify(value));
  return decodeJsonValue(input, value);
}
