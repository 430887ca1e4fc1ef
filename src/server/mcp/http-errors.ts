import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectError } from "@connectrpc/connect";
import { ProtocolErrorCode } from "@modelcontextprotocol/server";
import type { FastifyReply } from "fastify";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ErrorInfoSchema, RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";

/** The code of JSON-RPC for what a server refuses for reasons of its own; the status of HTTP says more. */
export const rejectedCode = -32_000;

/** Answers a request that is not let as far as its messages: an error of JSON-RPC about no message in particular. */
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

/** Answers a caller whose token is missing, not accepted or cannot be checked just now, or who is one too many. `metadataUrl` says where to get one. */
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

/** RFC 6750: who brings no token is not told of an error. */
function challenge(reason: string, message: string, metadataUrl: string | undefined): string {
  const error =
    reason === ErrorReason[ErrorReason.TOKEN_MISSING]
      ? []
      : ['error="invalid_token"', `error_description="${message.replaceAll(/["\\]/g, "'")}"`];
  const parameters = [...error, ...(metadataUrl === undefined ? [] : [`resource_metadata="${metadataUrl}"`])];
  return ["Bearer", parameters.join(", ")].join(" ").trim();
}
