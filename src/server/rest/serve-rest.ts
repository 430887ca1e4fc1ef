import type { JsonValue } from "@bufbuild/protobuf";
import { ConnectError, type Interceptor } from "@connectrpc/connect";
import compress from "@fastify/compress";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";
import { explainError } from "../../interceptors/map-errors.ts";
import { ensureRequestId, requestIdHeader } from "../../interceptors/request-id.ts";
import type { Route } from "../dispatch/route.ts";
import { createPreBodyAuth } from "../dispatch/run-header-interceptors.ts";
import type { DescribeUnknownPath } from "../http/describe-unknown-paths.ts";
import type { HttpPlugin } from "../http/http-plugin.ts";
import { isFormUrl } from "../http/http-protocol-errors.ts";
import { HttpError } from "../problem-details/http-error.ts";
import { type Problem, toProblemDetails } from "../problem-details/problem-details.ts";
import { createPathRouter } from "./request/path-router.ts";
import { admitCall, beginCall, type RestCall, restTargets } from "./request/rest-call.ts";
import { handleStream } from "./stream-handler.ts";
import { handleUnary, type UnaryOptions, type UnaryResult } from "./unary-handler.ts";
import { arroyoWebForm } from "./web-form/arroyo-web-form.ts";
import { autocompleteTargets } from "./web-form/autocomplete.ts";
import { insteadOfError } from "./web-form/instead-of-error.ts";

/** The settings and dependencies of the REST routes. */
export interface RestOptions extends UnaryOptions {
  readonly routes: readonly Route[];
  /** Returns the sentence for a path that does not exist. Default: made from the paths of the routes. */
  readonly describeUnknownPath?: DescribeUnknownPath;
  /** The interceptors that authorize by the headers alone, and those that log and measure refused calls. */
  readonly preBody: readonly Interceptor[];
  readonly log: Logger;
}

/** The headers of every response: its data belongs to one caller, and a browser must not cache, interpret or run it. */
const safeHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
};

/** Serves REST from `google.api.http`: every RPC with this option under its paths, and below `/api`. No RPC has code of its own. */
export function serveRest(options: RestOptions): HttpPlugin {
  const targets = restTargets(options.routes);
  const { describeUnknownPath } = options;
  const routers = {
    plain: createPathRouter(targets, describeUnknownPath),
    forForms: createPathRouter([...targets, ...autocompleteTargets(targets)], describeUnknownPath),
  };
  const prefixes = new Set(["/api", ...targets.map(({ rule }) => `/${rule.path.split("/")[1] ?? ""}`)]);
  const preBodyAuth = createPreBodyAuth(options.preBody);
  const calls = new WeakMap<FastifyRequest, RestCall>();
  const explain = createExplain(options.log);
  const answers = new Map<Route, UnaryResult>(
    options.routes.map((route) => [
      route,
      route.kind === "unary"
        ? handleUnary(route, options)
        : handleStream(route, { ...options, toProblem: (error, call) => toBody(explain(error, call, call.requestId)) }),
    ]),
  );

  const paths = async (scope: FastifyInstance) => {
    scope.addHook("onRequest", async (request, reply) => {
      const call = beginCall(request, reply, routers);
      calls.set(request, call);
      await admitCall(call, request, preBodyAuth);
    });
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, done) => done(null)); // the handler reads the body
    for (const prefix of prefixes)
      for (const url of [prefix, `${prefix}/*`])
        scope.all(url, async (request, reply) => {
          const call = calls.get(request) as RestCall;
          return (answers.get(call.target.route) as UnaryResult)(call, request, reply);
        });
  };

  return async (scope) => {
    scope.addHook("onRequest", async (_request, reply) => void reply.headers(safeHeaders));
    scope.setErrorHandler((error, request, reply) => {
      const call = calls.get(request);
      const requestId = call?.requestId || ensureRequestId(headerOf(request, requestIdHeader));
      const { status, headers, body } = explain(error, call, requestId, isFormUrl(request.raw.url));
      const instead = call?.forForms === true ? insteadOfError(call.target, body) : undefined;
      if (instead !== undefined) return reply.code(200).header(requestIdHeader, requestId).send(instead);
      reply.code(status).headers({ ...headers, [requestIdHeader]: requestId });
      return reply.header("content-type", "application/problem+json; charset=utf-8").send(JSON.stringify(body));
    });
    await scope.register(compress, { global: false, encodings: ["br", "gzip"] });
    arroyoWebForm(scope);
    await scope.register(paths);
  };
}

/** Converts any error to a problem. `hasError`: see `FailedCall`. Default: as the call is below `/api` or not. */
type Explain = (error: unknown, call: RestCall | undefined, requestId: string, hasError?: boolean) => Problem;

/** Creates the function that converts any error to a problem; an unexpected one is logged with its cause. */
function createExplain(log: Logger): Explain {
  return (error, call, requestId, hasError = call?.forForms === true) => {
    const method = call?.target.route.method;
    const target =
      call === undefined || method === undefined
        ? undefined
        : { name: method.localName, form: call.target.form, input: method.input };
    const signal = call?.lifetime.signal ?? new AbortController().signal;
    const known = isExplained(error)
      ? error
      : (ofFastify(error) ?? explainError(log, error, { requestId, rpc: method?.name ?? "", signal }));
    const conditional = call?.header.has("if-match") === true || call?.header.has("if-none-match") === true;
    return toProblemDetails(known, { requestId, target, wrapped: call?.wrapped === true, conditional, hasError });
  };
}

function isExplained(error: unknown): error is HttpError | ConnectError {
  if (error instanceof HttpError) return true;
  return error instanceof ConnectError && error.findDetails(ErrorInfoSchema).length > 0;
}

/** Maps an error of Fastify before a handler runs; returns undefined for others. */
function ofFastify(error: unknown): HttpError | undefined {
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  if (typeof code !== "string" || !code.startsWith("FST_") || Number(statusCode) >= 500) return undefined;
  return statusCode === 415
    ? new HttpError(
        "CONTENT_TYPE_UNSUPPORTED",
        "the body must be JSON: send it with the header `content-type: application/json`",
      )
    : new HttpError("REQUEST_MALFORMED", "this is not a request that can be read");
}

/** Returns the body; undefined for a caller that has disconnected. */
function toBody({ status, body }: Problem): JsonValue | undefined {
  return status === 499 ? undefined : (body as unknown as JsonValue);
}

function headerOf({ raw }: FastifyRequest, name: string): string | null {
  const value = raw.headers[name];
  return typeof value === "string" ? value : null;
}
