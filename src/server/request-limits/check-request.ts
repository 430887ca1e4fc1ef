import type { DescMessage } from "@bufbuild/protobuf";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError, fieldsInvalid } from "../../errors/api-error.ts";
import type { Excess } from "./excess.ts";
import { jsonShape } from "./json-shape.ts";
import { requestBounds } from "./request-bounds.ts";
import { scanBinary } from "./scan-binary.ts";
import { type JsonBounds, scanJson } from "./scan-json.ts";

/**
 * Checks the bytes of a request before decoding: two million elements fit into 4 MB and take seconds to decode. Throws ApiError
 * MESSAGE_TOO_LARGE, FIELD_INVALID or MESSAGE_MALFORMED (nested too deeply) when they exceed the rules.
 */
export function checkRequestBytes(input: DescMessage, bytes: Uint8Array): void {
  if (bytes.length <= smallRequest) return;
  const bounds = requestBounds(input);
  if (bytes.length > bounds.bytes) throw messageTooLarge(bounds.bytes);
  refuse(scanBinary(bounds, bytes));
}

/** The same for JSON before parsing. */
export function checkRequestJson(bounds: JsonBounds, text: string): void {
  refuse(scanJson(bounds, text));
}

/** Bytes. A request of at most this size decodes quickly and is not checked. */
const smallRequest = 1024;

const known = new WeakMap<DescMessage, JsonBounds>();

/** Returns the limits for the JSON of a request. */
export function jsonBounds(input: DescMessage): JsonBounds {
  const { root, values } = requestBounds(input);
  const bounds = known.get(input) ?? { shape: jsonShape(root), values };
  known.set(input, bounds);
  return bounds;
}

/** Returns limits that the JSON of each of several requests satisfies. */
export function jsonBoundsOfAny(inputs: readonly DescMessage[]): JsonBounds {
  const all = inputs.map(requestBounds);
  return {
    shape: jsonShape(...all.map(({ root }) => root)),
    values: all.reduce((max, { values }) => Math.max(max, values), 0),
  };
}

/** Returns the maximum size of a request in bytes: the size that its rules allow, at most the limit of all messages. */
export function maxRequestBytes(input: DescMessage, maxMessageBytes: number): number {
  return Math.min(requestBounds(input).bytes, maxMessageBytes);
}

/** Returns the error MESSAGE_TOO_LARGE for a limit in bytes. */
export function messageTooLarge(maxBytes: number): ApiError {
  return new ApiError(ErrorReason.MESSAGE_TOO_LARGE, `the message is larger than ${maxBytes} bytes, decompressed`);
}

function refuse(excess: Excess | undefined): void {
  if (excess === undefined) return;
  throw excess.field === "" ? new ApiError(ErrorReason.MESSAGE_MALFORMED, excess.description) : fieldsInvalid(excess);
}
