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

/** The caller of a request, as its server object receives it. */
export interface McpCaller {
  readonly permissions: ReadonlySet<string>;
  /** The remote address of the request. */
  readonly peer: string | undefined;
  /** The toolsets that the URL names; undefined for all. */
  readonly toolsets: ReadonlySet<string> | undefined;
}

/** The dependencies of the authentication of MCP requests. */
export interface AuthenticateRequestDeps {
  readonly verifyToken: VerifyToken;
  readonly log: Logger;
  /** Throws ApiError QUEUE_FULL during an overload, or for a request that has waited too long; the load shedder logs them. */
  readonly checkLoad: LoadShedder["check"];
  /** Returns the URL of the metadata that names the issuer of tokens; undefined without an external issuer. */
  readonly metadataUrl: (request: FastifyRequest) => string | undefined;
}

/** Authenticates a request; resolves to undefined when it was refused and the response is sent. */
export type AuthenticateRequest = (request: FastifyRequest, reply: FastifyReply) => Promise<McpCaller | undefined>;

/**
 * Creates the authentication of a request by its bearer token, before its body is read. Each call in the request passes the
 * interceptors with the same token: this step only decides whether the request is read and which tools are listed.
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
    request.headers[requestIdHeader] = requestId; // the calls in the request have the same id
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
      entry.logged = false; // logged as a rejected request, because it is no call
      return undefined;
    }
    return { permissions: principal.permissions, peer, toolsets: undefined };
  };
}

/** Applies the limits of requests to the body; Fastify reads it and responds with the error of an exceeded limit. */
function admitBody({ raw }: FastifyRequest, organizationId: string): void {
  const arriving = arrivingRequestOf(raw);
  if (arriving === undefined) return;
  arriving.admit(organizationId);
  raw.on("error", () => undefined); // Fastify adds no listener for methods without a body
  const end = new Promise<void>((resolve) => raw.once("close", resolve));
  arriving.receive(end).catch((error: unknown) => raw.emit("error", error));
}

/** Converts a caller to the form that the library passes on. The token stays in its header. */
export function asAuthInfo({ permissions, ...extra }: McpCaller): AuthInfo {
  return { token: "", clientId: "", scopes: [...permissions], extra };
}

/** Converts the library's form back to the caller. */
export function mcpCallerOf(authInfo: AuthInfo | undefined): McpCaller {
  const { peer, toolsets } = authInfo?.extra ?? {};
  return {
    permissions: new Set(authInfo?.scopes),
    peer: typeof peer === "string" ? peer : undefined,
    toolsets: toolsets instanceof Set ? toolsets : undefined,
  };
}
