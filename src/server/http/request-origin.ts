import type { FastifyReply, FastifyRequest } from "fastify";
import type { CallOrigin, CallProtocol } from "../../interceptors/call/call-origin.ts";
import { resetResponse } from "../dispatch/reset-stream.ts";

const entries = new WeakMap<FastifyRequest, CallOrigin>();
const late = new WeakSet<object>();

/** Notes that Node's request has waited too long to be begun: it is refused where its caller is known. */
export function markLate(request: object): void {
  late.add(request);
}

/** Notes by which protocol an HTTP request came. */
export function recordOrigin(request: FastifyRequest, { raw }: FastifyReply, protocol: CallProtocol): CallOrigin {
  const length = Number(request.headers["content-length"]);
  const origin: CallOrigin = {
    protocol,
    peer: request.ip,
    bytes: Number.isSafeInteger(length) ? length : undefined,
    late: late.has(request.raw),
    logged: false,
    reset: () => resetResponse(raw),
  };
  entries.set(request, origin);
  return origin;
}

/** Undefined for a request that came by none: for a probe, a page, or nothing that is here. */
export function requestOriginOf(request: FastifyRequest): CallOrigin | undefined {
  return entries.get(request);
}
