import type { DescMessage } from "@bufbuild/protobuf";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError, fieldsInvalid } from "../../errors/api-error.ts";
import type { Excess } from "./excess.ts";
import { jsonShape } from "./json-shape.ts";
import { requestBounds } from "./request-bounds.ts";
import { scanBinary } from "./scan-binary.ts";
import { type JsonBounds, scanJson } from "./scan-json.ts";

/**
 * Throws ApiError MESSAGE_TOO_LARGE or FIELD_INVALID when there is more in the bytes of a request than its rules allow.
 * Called ahead of decoding: two million elements fit into 4 MB, and take seconds once they are made.
 */
export function checkRequestBytes(input: DescMessage, bytes: Uint8Array): void {
  if (bytes.length <= smallRequest) return;
  const bounds = requestBounds(input);
  if (bytes.length > bounds.bytes) throw messageTooLarge(bounds.bytes);
  refuse(scanBinary(bounds, bytes));
}

/** The same for JSON, ahead of parsing. */
export function checkRequestJson(bounds: JsonBounds, text: string): void {
  refuse(scanJson(bounds, text));
}

/** Of so few bytes nothing can be made that takes long. */
const smallRequest = 1024;

const known = new WeakMap<DescMessage, JsonBounds>();

/** What can be in the JSON of a request. */
export function jsonBounds(input: DescMessage): JsonBounds {
  const { root, values } = requestBounds(input);
  const bounds = known.get(input) ?? { shape: jsonShape(root), values };
  known.set(input, bounds);
  return bounds;
}

/** What can be in the JSON of any of several requests. */
export function jsonBoundsOfAny(inputs: readonly DescMessage[]): JsonBounds {
  const all = inputs.map(requestBounds);
  return {
    shape: jsonShape(...all.map(({ root }) => root)),
    values: all.reduce((most, { values }) => Math.max(most, values), 0),
  };
}

/** The most bytes of a request: what its rules allow, and never more than the limit of all messages. */
export function maxRequestBytes(input: DescMessage, maxMessageBytes: number): number {
  return Math.min(requestBounds(input).bytes, maxMessageBytes);
}

export function messageTooLarge(maxBytes: number): ApiError {
  return new ApiError(ErrorReason.MESSAGE_TOO_LARGE, `the message is larger than ${maxBytes} bytes, decompressed`);
}

function refuse(excess: Excess | undefined): void {
  if (excess === undefined) return;
  throw excess.field === "" ? new ApiError(ErrorReason.MESSAGE_MALFORMED, excess.description) : fieldsInvalid(excess);
}
