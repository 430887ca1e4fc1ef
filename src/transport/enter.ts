import type { FastifyReply, FastifyRequest } from "fastify";
import type { Door, Entry } from "../interceptors/entry.ts";
import { resetResponse } from "./reset-stream.ts";

const entries = new WeakMap<FastifyRequest, Entry>();
const late = new WeakSet<object>();

/** Notes that Node's request has waited too long to be begun: it is refused where its caller is known. */
export function markLate(request: object): void {
  late.add(request);
}

/** Notes by which protocol an HTTP request came. */
export function enter(request: FastifyRequest, { raw }: FastifyReply, door: Door): Entry {
  const length = Number(request.headers["content-length"]);
  const entry: Entry = {
    door,
    peer: request.ip,
    bytes: Number.isSafeInteger(length) ? length : undefined,
    late: late.has(request.raw),
    told: false,
    reset: () => resetResponse(raw),
  };
  entries.set(request, entry);
  return entry;
}

/** Undefined for a request that came by none: for a probe, a page, or nothing that is here. */
export function entryOf(request: FastifyRequest): Entry | undefined {
  return entries.get(request);
}
