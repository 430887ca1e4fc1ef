import { Code, ConnectError } from "@connectrpc/connect";
import { status } from "@grpc/grpc-js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";
import { messageTooLarge } from "../request-limits/check-request.ts";

const noMessage = "Received no request message";

/**
 * Translates the status that grpc-js itself sends for a call whose message it cannot deliver. grpc-js reports INTERNAL for a
 * broken gzip stream, which is the caller's fault, and a missing message for a truncated one.
 */
export function translateProtocolStatus(
  { code, details }: { readonly code?: number | null | undefined; readonly details?: string | null | undefined },
  { cutOff, maxBytes }: { readonly cutOff: boolean; readonly maxBytes: number },
): ApiError | ConnectError {
  const text = String(details);
  if (code === status.INTERNAL) return new ApiError(ErrorReason.MESSAGE_MALFORMED, text);
  if (code === status.DEADLINE_EXCEEDED)
    return new ApiError(ErrorReason.DEADLINE_EXCEEDED, "the deadline passed before the message was here");
  if (code === status.RESOURCE_EXHAUSTED) return messageTooLarge(maxBytes);
  if (code !== status.UNIMPLEMENTED) return new ConnectError(text, code ?? Code.Unknown);
  if (cutOff && text.startsWith(noMessage))
    return new ApiError(ErrorReason.MESSAGE_MALFORMED, "the request ends in the middle of its message");
  return new ApiError(ErrorReason.CALL_NOT_SUPPORTED, explain(text));
}

function explain(text: string): string {
  if (text.startsWith(noMessage)) return "the request has no message: this method takes exactly one";
  if (text.startsWith("Received a second request message"))
    return "the request has more than one message: this method takes exactly one";
  return text;
}
