import type { AuthInfo } from "@modelcontextprotocol/server";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { Principal } from "../../auth/principal.ts";
import type { VerifyToken } from "../../auth/verify-token.ts";
import { ApiError } from "../../errors/api-error.ts";
import { principalOf } from "../../interceptors/authenticate.ts";
import { callStatusOf } from "../../interceptors/call/call-status.ts";
import type { LoadShedder } from "../../interceptors/load-shedding/load-shedder.ts";
import { explainError } from "../../interceptors/map-errors.ts";
import { ensureRequestId, requestIdHeader } from "../../interceptors/request-id.ts";
import { arrivingRequestOf } from "../admission/arriving-request.ts";
import { recordOrigin } from "../http/request-origin.ts";
import { rejectCaller } from "./http-errors.ts";

/** What the server object of a request is told of who sends it. */
export interface McpCaller {
  readonly permissions: ReadonlySet<string>;
  /** The address that the request came from. */
  readonly peer: string | undefined;
}

export interface AuthenticateRequestDeps {
  readonly verifyToken: VerifyToken;
  readonly log: Logger;
  /** Throws ApiError QUEUE_FULL for a request that is one too many, or has waited too long; such are counted in the log elsewhere. */
  readonly checkLoad: LoadShedder["check"];
  /** Where a caller without a token is told who issues them. */
  readonly metadataUrl: (request: FastifyRequest) => string | undefined;
}

/** Finds out who sends a request; undefined when it was refused and answered. */
export type AuthenticateRequest = (request: FastifyRequest, reply: FastifyReply) => Promise<AuthInfo | undefined>;

/**
 * Lets a request in by its bearer token, before its body is read. Each call in it passes the interceptors with the same
 * token once more: what is decided here is only who may talk at all, and which tools are worth telling of.
 */
export function createAuthenticateRequest({
  verifyToken,
  log,
  checkLoad,
  metadataUrl,
}: AuthenticateRequestDeps): AuthenticateRequest {
  return async (request, reply) => {
    const given = request.headers[requestIdHeader];
    const requestId = ensureRequestId(typeof given === "string" ? given : null);
    request.headers[requestIdHeader] = requestId; // the calls in it have the same
    const peer = request.socket.remoteAddress;
    reply.header(requestIdHeader, requestId);
    const entry = recordOrigin(request, reply, "mcp");
    const refuse = (thrown: unknown) => {
      entry.logged = true;
      const error = explainError(log, thrown, { requestId, rpc: "mcp", signal: AbortSignal.any([]) });
      rejectCaller(reply, error, metadataUrl(request));
      return error;
    };
    let principal: Principal;
    try {
      principal = await principalOf(request.headers.authorization ?? null, verifyToken);
    } catch (thrown) {
      const { code, reason } = callStatusOf(refuse(thrown));
      const cause = thrown instanceof ApiError ? thrown.detail.loggedCause : undefined;
      log.info({ protocol: "mcp", code, reason, cause, requestId, peer }, "call");
      return undefined;
    }
    try {
      checkLoad(principal.organizationId, entry.late === true);
    } catch (thrown) {
      refuse(thrown);
      return undefined;
    }
    try {
      admitBody(request, principal.organizationId);
    } catch (thrown) {
      refuse(thrown);
      entry.logged = false; // it is no call, and has a line as such
      return undefined;
    }
    return asAuthInfo({ permissions: principal.permissions, peer });
  };
}

/** Fastify reads it, and answers with the error that it meets. */
function admitBody({ raw }: FastifyRequest, organizationId: string): void {
  const arriving = arrivingRequestOf(raw);
  if (arriving === undefined) return;
  arriving.admit(organizationId);
  raw.on("error", () => undefined); // of a method without a body nobody reads it
  const end = new Promise<void>((resolve) => raw.once("close", resolve));
  arriving.receive(end).catch((error: unknown) => raw.emit("error", error));
}

/** The caller in the only form that the library hands on. The token stays in its header. */
function asAuthInfo({ permissions, peer }: McpCaller): AuthInfo {
  return { token: "", clientId: "", scopes: [...permissions], extra: { peer } };
}

/** The caller of a request again. */
export function mcpCallerOf(authInfo: AuthInfo | undefined): McpCaller {
  const peer = authInfo?.extra?.peer;
  return { permissions: new Set(authInfo?.scopes), peer: typeof peer === "string" ? peer : undefined };
}
