import type { JsonObject } from "@bufbuild/protobuf";
import { type ContextValues, createContextValues } from "@connectrpc/connect";
import type { FastifyReply, FastifyRequest } from "fastify";
import { principalKey } from "../../../auth/principal.ts";
import { authenticationMsKey } from "../../../interceptors/authenticate.ts";
import { type CallOrigin, originKey } from "../../../interceptors/call/call-origin.ts";
import { renameErrorKey } from "../../../interceptors/call/rename-error.ts";
import { requestIdHeader, requestIdKey } from "../../../interceptors/request-id.ts";
import { type HttpRule, httpRulesOf } from "../../../proto-schema/http/http-rule.ts";
import { type RestMapping, restMappingOf } from "../../../proto-schema/http/rest-mapping.ts";
import { arrivingRequestOf } from "../../admission/arriving-request.ts";
import type { Route } from "../../dispatch/route.ts";
import type { PreBodyAuth } from "../../dispatch/run-header-interceptors.ts";
import { recordOrigin } from "../../http/request-origin.ts";
import { useCallerNames } from "../../problem-details/caller-names.ts";
import { type CallDeadline, createCallDeadline, timeoutHeader } from "./call-deadline.ts";
import type { FixedField } from "./decode-request.ts";
import type { PathRouter } from "./path-router.ts";

/** An HTTP rule and its RPC. */
export interface RestTarget {
  readonly route: Route;
  readonly rule: HttpRule;
  readonly form: RestMapping;
  /** Fields that the path implies. Default: none. */
  readonly fixed?: readonly FixedField[];
  /** Converts the body of a success. Default: unchanged. */
  readonly reshape?: (body: JsonObject) => JsonObject;
}

/** Returns a target for every HTTP rule of every RPC. */
export function restTargets(routes: readonly Route[]): { rule: HttpRule; target: RestTarget }[] {
  return routes.flatMap((route) =>
    httpRulesOf(route.method).map((rule) => ({ rule, target: { route, rule, form: restMappingOf(route.method) } })),
  );
}

/** A REST call, from before its authorization on. */
export interface RestCall {
  /** The time of arrival by `performance.now()`, in milliseconds. */
  readonly arrived: number;
  readonly target: RestTarget;
  readonly variables: ReadonlyMap<string, string>;
  /** True below `/api`. */
  readonly forForms: boolean;
  /** The query without its `?`. */
  readonly query: string;
  readonly header: Headers;
  readonly lifetime: CallDeadline;
  /** The origin of the call. */
  readonly entry: CallOrigin;
  requestId: string;
  /** The duration of authentication in milliseconds. */
  ssoTime: number;
  /** See RequestForm; set when the body is read. */
  wrapped: boolean;
}

/** The routers of the paths of the contract, and of those below `/api`. */
export interface RestRouters {
  readonly plain: PathRouter<RestTarget>;
  readonly forForms: PathRouter<RestTarget>;
}

/** Creates the call of a request. Throws HttpError when no RPC matches. */
export function beginCall(request: FastifyRequest, reply: FastifyReply, routers: RestRouters): RestCall {
  const [, api, path = "", query = ""] = /^(\/api)?(\/[^?]*)?(?:\?(.*))?$/s.exec(request.raw.url ?? "") ?? [];
  const entry = recordOrigin(request, reply, "rest");
  const match = api === undefined ? routers.plain : routers.forForms;
  const { target, variables } = match(request.method, path);
  const header = toHeaders(request);
  return {
    arrived: performance.now(),
    target,
    variables,
    forForms: api !== undefined,
    query,
    header,
    lifetime: createCallDeadline(reply.raw),
    entry,
    requestId: "",
    ssoTime: 0,
    wrapped: true,
  };
}

/** Authorizes a call and sets its request id. Rejects with the ConnectError or ApiError for the caller. */
export async function admitCall(call: RestCall, request: FastifyRequest, preBodyAuth: PreBodyAuth): Promise<void> {
  const { method } = call.target.route;
  call.lifetime.limit(call.header.get(timeoutHeader));
  const values = valuesOf(call);
  try {
    await preBodyAuth({
      service: method.parent,
      method,
      requestMethod: request.method,
      url: `http://in-process${call.target.rule.path}`,
      signal: call.lifetime.signal,
      requestHeader: call.header,
      values,
    });
  } finally {
    call.requestId = values.get(requestIdKey);
    call.header.set(requestIdHeader, call.requestId);
    call.ssoTime = values.get(authenticationMsKey);
  }
  arrivingRequestOf(request.raw)?.admit(values.get(principalKey).organizationId);
}

/** Returns the initial context values for a run of the interceptors. */
export function valuesOf(call: RestCall): ContextValues {
  const { names } = call.target.form;
  return createContextValues()
    .set(originKey, call.entry)
    .set(renameErrorKey, (error, input) => useCallerNames(error, input, { names, wrapped: call.wrapped }));
}

/** Returns the headers of a request without HTTP/2 pseudo-headers; repeated headers are combined as Node does. */
function toHeaders({ raw }: FastifyRequest): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(raw.headers))
    if (value !== undefined && !name.startsWith(":"))
      headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  return headers;
}
