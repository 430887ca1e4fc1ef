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
import { requestBounds } from "../request-limits/request-bounds.ts";
import { scanJson } from "../request-limits/scan-json.ts";
import { createAuthenticateRequest } from "./authenticate-request.ts";
import { createCancellableCalls } from "./cancellable-calls.ts";
import { createServer } from "./create-server.ts";
import { createTools } from "./create-tools.ts";
import { rejectCaller, rejectedCode, rejectRequest } from "./http-errors.ts";
import { isAllowedOrigin } from "./is-allowed-origin.ts";
import { mcpInstructions } from "./mcp-instructions.ts";
import { protectedResourceUrl, serveProtectedResource } from "./protected-resource.ts";

/** What the MCP endpoint needs. */
export interface McpOptions {
  readonly routes: readonly Route[];
  readonly interceptors: readonly Interceptor[];
  readonly verifyToken: VerifyToken;
  readonly checkLoad: LoadShedder["check"];
  /** The external issuer of tokens; undefined when they are made here. */
  readonly issuer: string | undefined;
  /** The origins that may call from web pages; `*` for all. */
  readonly corsOrigins: readonly string[];
  readonly version: string;
  readonly log: Logger;
}

const path = "/mcp";

/** What a request has around the arguments of a tool: ids, names, capabilities, and other requests in a batch. */
const valuesAround = 1000;

/** From this revision of the protocol on there are no batches. Revisions are dates, so they compare as texts. */
const firstWithoutBatches = "2025-06-18";

/**
 * The Model Context Protocol over streamable HTTP: every RPC with the option `mcp_tool` as a tool. There are no sessions;
 * each request brings its token and gets a server object of its own, so nothing of one caller is left for the next.
 */
export function serveMcp(options: McpOptions): HttpPlugin {
  const { routes, interceptors, verifyToken, issuer, corsOrigins, version, log } = options;
  const deps = {
    tools: createTools(routes, interceptors),
    running: createCancellableCalls(),
    serverInfo: { name: "connectory", title: "Connectory", version },
    instructions: mcpInstructions(routes),
    log,
  };
  preloadSchemas(); // 25 ms that the first request would take
  const handler = createMcpHandler((context) => createServer(deps, context), {
    // Its message may quote the request.
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

  const admit = async (request: FastifyRequest, reply: FastifyReply) => {
    if (!isAllowedOrigin(request.headers.origin, request.host, corsOrigins)) {
      rejectRequest(reply, 403, rejectedCode, "web pages of this origin may not call: see CORS_ORIGINS");
      return reply;
    }
    const caller = await authenticateRequest(request, reply);
    if (caller === undefined) return reply;
    callers.set(request, caller);
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
    response.headers.delete("connection"); // whether it is kept is not the library's to say, and HTTP/2 has no such header
    return reply.send(response);
  };

  const mostValues = routes.reduce((most, { method }) => Math.max(most, requestBounds(method.input).values), 0);
  const readMessages = async (_: FastifyRequest, text: string): Promise<unknown> => {
    const excess = scanJson({ shape: undefined, values: mostValues + valuesAround }, text);
    if (excess !== undefined)
      throw refused(
        ProtocolErrorCode.InvalidParams,
        [excess.field, excess.description].filter((part) => part !== "").join(": "),
      );
    try {
      return JSON.parse(text);
    } catch {
      throw refused(ProtocolErrorCode.ParseError, "the body is not JSON");
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

/** The request without its body, which has been read. Its address is of no meaning to anybody. */
function toWebRequest({ method, headers }: FastifyRequest, signal: AbortSignal): Request {
  const fields = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || name.startsWith(":") ? [] : [value].flat().map((one): [string, string] => [name, one]),
  );
  return new Request(`http://localhost${path}`, { method, headers: fields, signal });
}
