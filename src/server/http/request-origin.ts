import type { FastifyReply, FastifyRequest } from "fastify";
import type { CallOrigin, CallProtocol } from "../../interceptors/call/call-origin.ts";
import { resetResponse } from "../dispatch/reset-stream.ts";

const entries = new WeakMap<FastifyRequest, CallOrigin>();
const late = new WeakSet<object>();

/** Marks Node's request as having waited too long: it is refused once its caller is known. */
export function markLate(request: object): void {
  late.add(request);
}

/** Records the protocol of an HTTP request and returns the origin of its call. */
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

/** Returns the recorded origin; undefined for a request of no protocol: a probe, a page or an unknown path. */
export function requestOriginOf(request: FastifyRequest): CallOrigin | undefined {
  return entries.get(request);
}
