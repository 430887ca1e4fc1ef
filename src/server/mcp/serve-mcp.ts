import type { Interceptor } from "@connectrpc/connect";
import { type AuthInfo, createMcpHandler, ProtocolErrorCode, preloadSchemas } from "@modelcontextprotocol/server";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { VerifyToken } from "../../auth/verify-token.ts";
import { ApiError } from "../../errors/api-error.ts";
import type { LoadShedder } from "../../interceptors/load-shedding/load-shedder.ts";
import { toConnectError } from "../../interceptors/map-errors.ts";
import { requestIdHeader } from "../../interceptors/request-id.ts";
import type { Route } from "../dispatch/route.ts";
import type { HttpPlugin } from "../http/http-plugin.ts";
import type { RejectMember } from "../json/normalize-json.ts";
import { parseJson } from "../json/parse-json.ts";
import { requestBounds } from "../request-limits/request-bounds.ts";
import { scanJson } from "../request-limits/scan-json.ts";
import { asAuthInfo, createAuthenticateRequest } from "./authenticate-request.ts";
import { createCancellableCalls } from "./cancellable-calls.ts";
import { createServer } from "./create-server.ts";
import { createTools, selectToolsets, toolsetOf } from "./create-tools.ts";
import { rejectCaller, rejectedCode, rejectRequest } from "./http-errors.ts";
import { isAllowedOrigin } from "./is-allowed-origin.ts";
import { mcpInstructions } from "./mcp-instructions.ts";
import { protectedResourceUrl, serveProtectedResource } from "./protected-resource.ts";

/** The settings and dependencies of the MCP endpoint. */
export interface McpOptions {
  readonly routes: readonly Route[];
  readonly interceptors: readonly Interceptor[];
  readonly rejectMember: RejectMember;
  readonly verifyToken: VerifyToken;
  readonly checkLoad: LoadShedder["check"];
  /** The external issuer of tokens; undefined for the local one. */
  readonly issuer: string | undefined;
  /** The origins that web pages may call from; `*` allows all. */
  readonly corsOrigins: readonly string[];
  readonly version: string;
  readonly log: Logger;
}

const path = "/mcp";

/** JSON values of a request besides the arguments of a tool: ids, names, capabilities, and other requests of a batch. */
const valuesAround = 1000;

/** The first revision of the protocol without batches. Revisions are dates and compare as texts. */
const firstWithoutBatches = "2025-06-18";

/**
 * Serves the Model Context Protocol over streamable HTTP: every RPC with the option `mcp_tool` is a tool. There are no sessions;
 * each request has its token and its own server object, so no state of one caller reaches another.
 */
export function serveMcp(options: McpOptions): HttpPlugin {
  const { routes, verifyToken, issuer, corsOrigins, version, log } = options;
  const deps = {
    tools: createTools(routes, options),
    running: createCancellableCalls(),
    serverInfo: { name: "connectory", title: "Connectory", version },
    instructionsFor: (toolsets: ReadonlySet<string> | undefined) => mcpInstructions(routes, toolsets),
    log,
  };
  preloadSchemas(); // takes 25 ms, otherwise in the first request
  const handler = createMcpHandler((context) => createServer(deps, context), {
    // The message of the error may quote the request.
    onerror: ({ stack = "" }) => log.debug({ at: stack.match(/^ {4}at .*$/gm)?.slice(0, 5) }, "not served over MCP"),
  });
  const metadataUrl = (request: FastifyRequest) =>
    issuer === undefined ? undefined : protectedResourceUrl(request, path);
  const authenticateRequest = createAuthenticateRequest({
    verifyToken,
    log,
    checkLoad: options.checkLoad,
    metadataUrl,
  });
  const callers = new WeakMap<FastifyRequest, AuthInfo>();
  const knownToolsets = new Set(routes.map(({ method }) => toolsetOf(method) ?? ""));

  const admit = async (request: FastifyRequest, reply: FastifyReply) => {
    if (!isAllowedOrigin(request.headers.origin, request.host, corsOrigins)) {
      rejectRequest(reply, 403, rejectedCode, "web pages of this origin may not call: see CORS_ORIGINS");
      return reply;
    }
    const caller = await authenticateRequest(request, reply);
    if (caller === undefined) return reply;
    const toolsets = selectToolsets(request.query, knownToolsets);
    if (toolsets === "unknown")
      throw refused(ProtocolErrorCode.InvalidParams, `toolsets: name one or more of ${[...knownToolsets].join(", ")}`);
    callers.set(request, asAuthInfo({ ...caller, toolsets }));
  };

  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
    const { body, headers } = request;
    if (Array.isArray(body) && String(headers["mcp-protocol-version"] ?? "") >= firstWithoutBatches)
      return rejectRequest(reply, 400, ProtocolErrorCode.InvalidRequest, "this protocol version has no batches");
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort());
    const authInfo = callers.get(request);
    const response = await handler.fetch(toWebRequest(request, gone.signal), {
      ...(authInfo === undefined ? {} : { authInfo }),
      ...(body === undefined ? {} : { parsedBody: body }),
    });
    if (response.status >= 500)
      log.error({ status: response.status, requestId: reply.getHeader("x-request-id") }, "MCP");
    response.headers.delete("connection"); // set by Node for HTTP/1, not allowed in HTTP/2
    response.headers.set("cache-control", "no-store");
    response.headers.set("x-accel-buffering", "no"); // nginx passes progress on as it comes
    return reply.send(response);
  };

  const maxValues = routes.reduce((max, { method }) => Math.max(max, requestBounds(method.input).values), 0);
  const readMessages = async (_: FastifyRequest, text: string): Promise<unknown> => {
    const excess = scanJson({ shape: undefined, values: maxValues + valuesAround }, text);
    if (excess !== undefined)
      throw refused(
        ProtocolErrorCode.InvalidParams,
        [excess.field, excess.description].filter((part) => part !== "").join(": "),
      );
    try {
      return parseJson(text);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const repeated = error.detail.fieldViolations !== undefined;
      throw refused(repeated ? ProtocolErrorCode.InvalidParams : ProtocolErrorCode.ParseError, error.message);
    }
  };

  return (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("application/json", { parseAs: "string" }, readMessages);
    scope.setErrorHandler((error: (FastifyError & { rpcCode?: number }) | ApiError, _request, reply) => {
      if (error instanceof ApiError)
        return rejectCaller(reply, toConnectError(error, String(reply.getHeader(requestIdHeader))), undefined);
      const { statusCode = 500, message, rpcCode = rejectedCode } = error;
      if (statusCode < 500) return rejectRequest(reply, statusCode, rpcCode, message);
      log.error({ err: error }, "an MCP request failed");
      return rejectRequest(reply, 500, ProtocolErrorCode.InternalError, "internal error");
    });
    scope.addHook("preClose", () => handler.close());
    scope.route({ method: ["GET", "POST", "DELETE", "PUT", "PATCH"], url: path, onRequest: admit, handler: answer });
    if (issuer !== undefined) serveProtectedResource(scope, path, issuer);
  };
}

function refused(rpcCode: number, message: string): Error {
  return Object.assign(new Error(message), { statusCode: 400, rpcCode });
}

/** Converts the request without its body, which has been read. The library ignores the URL. */
function toWebRequest({ method, headers }: FastifyRequest, signal: AbortSignal): Request {
  const fields = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || name.startsWith(":") ? [] : [value].flat().map((one): [string, string] => [name, one]),
  );
  return new Request(`http://localhost${path}`, { method, headers: fields, signal });
}
