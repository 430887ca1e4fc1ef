import { Code, type ConnectError, type ContextValues } from "@connectrpc/connect";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";
import { explainMessageKey } from "./check-body.ts";

/** What Connect says of an answer that cannot be written begins so; all else that it calls INTERNAL is the request's. */
const ownFault = "serialize ";

/** What of Connect's own texts quotes nothing of a request. */
const fit = /^(protocol error|unexpected end flag|decompression failed)/;

/**
 * What Connect throws when it cannot read a request, as an ApiError of this service; undefined for what is no caller's fault.
 * Connect calls bytes that are no message INTERNAL, and quotes what it cannot read in JSON.
 */
export function translateReadError({ code, rawMessage }: ConnectError, values: ContextValues): ApiError | undefined {
  if (code === Code.ResourceExhausted) return tooLarge(rawMessage);
  if (code === Code.Unimplemented) return new ApiError(ErrorReason.CALL_NOT_SUPPORTED, callNotSupported(rawMessage));
  if (rawMessage.startsWith("received compressed envelope")) return compressionUnnamed();
  const explained = code === Code.InvalidArgument ? values.get(explainMessageKey)?.() : undefined;
  if (explained !== undefined) return explained;
  if (code === Code.InvalidArgument || (code === Code.Internal && !rawMessage.startsWith(ownFault)))
    return new ApiError(ErrorReason.MESSAGE_MALFORMED, malformed(rawMessage));
  return undefined;
}

/** The flag of an envelope says that its message is compressed. */
export function compressionUnnamed(): ApiError {
  return new ApiError(
    ErrorReason.COMPRESSION_UNNAMED,
    "the message is marked as compressed, and no header says how: name its compression, or send it as it is",
  );
}

function tooLarge(text: string): ApiError {
  const [, most] = /configured readMaxBytes (\d+)/.exec(text) ?? [];
  const limit = most === undefined ? "its limit" : `${most} bytes`;
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
