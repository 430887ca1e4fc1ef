import { Code, type ConnectError } from "@connectrpc/connect";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";

/** The start of Connect's message for a response that cannot be encoded; any other INTERNAL of Connect concerns the request. */
const ownFault = "serialize ";

/** The messages of Connect that quote nothing of a request. */
const fit = /^(protocol error|unexpected end flag|decompression failed)/;

/**
 * Maps an error of Connect about reading a request to an ApiError; returns undefined for an error that the caller did not cause.
 * Connect reports undecodable bytes as INTERNAL, and quotes invalid JSON.
 */
export function translateReadError({ code, rawMessage }: ConnectError): ApiError | undefined {
  if (code === Code.ResourceExhausted) return tooLarge(rawMessage);
  if (code === Code.Unimplemented) return new ApiError(ErrorReason.CALL_NOT_SUPPORTED, callNotSupported(rawMessage));
  if (rawMessage.startsWith("received compressed envelope")) return compressionUnnamed();
  if (code === Code.InvalidArgument || (code === Code.Internal && !rawMessage.startsWith(ownFault)))
    return new ApiError(ErrorReason.MESSAGE_MALFORMED, malformed(rawMessage));
  return undefined;
}

/** Returns the error for an envelope that is flagged as compressed without a header for its compression. */
export function compressionUnnamed(): ApiError {
  return new ApiError(
    ErrorReason.COMPRESSION_UNNAMED,
    "the message is marked as compressed, and no header says how: name its compression, or send it as it is",
  );
}

function tooLarge(text: string): ApiError {
  const [, max] = /configured readMaxBytes (\d+)/.exec(text) ?? [];
  const limit = max === undefined ? "its limit" : `${max} bytes`;
  return new ApiError(ErrorReason.MESSAGE_TOO_LARGE, `the message is larger than ${limit}, decompressed`);
}

function callNotSupported(text: string): string {
  if (text.includes("missing input message")) return "the request has no message: this method takes exactly one";
  if (text.includes("extra input message"))
    return "the request has more than one message: this method takes exactly one";
  return "the message can be compressed with gzip or br, or not at all";
}

function malformed(text: string): string {
  return fit.test(text) ? text.toWellFormed() : "the bytes are not a message of this method's request type";
}
