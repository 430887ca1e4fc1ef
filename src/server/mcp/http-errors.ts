import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectError } from "@connectrpc/connect";
import { ProtocolErrorCode } from "@modelcontextprotocol/server";
import type { FastifyReply } from "fastify";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ErrorInfoSchema, RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";

/** The JSON-RPC code for errors that the server defines; the HTTP status distinguishes them. */
export const rejectedCode = -32_000;

/** Rejects a request before its messages are handled, with a JSON-RPC error without a message id. */
export function rejectRequest(
  reply: FastifyReply,
  status: number,
  code: number,
  message: string,
  data?: unknown,
): void {
  const error = { code, message, ...(data === undefined ? {} : { data }) };
  reply.code(status).send({ jsonrpc: "2.0", id: null, error });
}

/**
 * Rejects a caller whose token is missing, invalid or cannot be verified now, or whose request exceeds a limit. `metadataUrl` is
 * the URL of the metadata that names the issuer of tokens.
 */
export function rejectCaller(reply: FastifyReply, error: ConnectError, metadataUrl: string | undefined): void {
  const reason = error.findDetails(ErrorInfoSchema)[0]?.reason ?? "";
  const retryDelay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  if (retryDelay !== undefined) reply.header("retry-after", Math.ceil(durationMs(retryDelay) / 1000));
  const status = statusOf(error.code);
  if (status === 401) reply.header("www-authenticate", challenge(reason, error.rawMessage, metadataUrl));
  const code = status === 500 ? ProtocolErrorCode.InternalError : rejectedCode;
  rejectRequest(reply, status, code, error.rawMessage, { reason });
}

function statusOf(code: Code): number {
  if (code === Code.Unauthenticated) return 401;
  if (code === Code.ResourceExhausted) return 429;
  if (code === Code.DeadlineExceeded) return 408;
  return code === Code.Unavailable ? 503 : 500;
}

/** Makes the `WWW-Authenticate` header; without a token it has no error (RFC 6750). */
function challenge(reason: string, message: string, metadataUrl: string | undefined): string {
  const error =
    reason === ErrorReason[ErrorReason.TOKEN_MISSING]
      ? []
      : ['error="invalid_token"', `error_description="${message.replaceAll(/["\\]/g, "'")}"`];
  const parameters = [...error, ...(metadataUrl === undefined ? [] : [`resource_metadata="${metadataUrl}"`])];
  return ["Bearer", parameters.join(", ")].join(" ").trim();
}
