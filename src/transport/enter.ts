import type { FastifyRequest } from "fastify";
import type { Door, Entry } from "../interceptors/entry.ts";

const entries = new WeakMap<FastifyRequest, Entry>();

/** Notes by which door an HTTP request came. */
export function enter(request: FastifyRequest, door: Door): Entry {
  const length = Number(request.headers["content-length"]);
  const entry: Entry = {
    door,
    peer: request.ip,
    bytes: Number.isSafeInteger(length) ? length : undefined,
    told: false,
  };
  entries.set(request, entry);
  return entry;
}

/** Undefined for a request that came by none: for a probe, a page, or nothing that is here. */
export function entryOf(request: FastifyRequest): Entry | undefined {
  return entries.get(request);
}
