import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { createCallQueue } from "./call-queue.ts";

/** Handles a request of HTTP/1.1 or HTTP/2. */
export type Handle = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void;

/** The callbacks and the clock of the queue. */
export interface HttpRequestQueueOptions {
  readonly handle: Handle;
  /** Returns the organization of the token in an `authorization` header; empty when it is unknown. */
  readonly organizationOf: (authorization: string) => string;
  /** Called before `handle` for a request that has waited too long. */
  readonly markLate: (request: Parameters<Handle>[0]) => void;
  /** A clock in milliseconds. Default: `performance.now`. */
  readonly now?: (() => number) | undefined;
}

/** Paths of health checks, which bypass the queue. */
const probes: ReadonlySet<string | undefined> = new Set(["/healthz", "/readyz"]);

/** Passes on a few requests in each turn of the event loop, round robin by organization. Health checks pass at once. */
export function createHttpRequestQueue({
  handle,
  organizationOf,
  markLate,
  now = () => performance.now(),
}: HttpRequestQueueOptions): Handle {
  type Call = { readonly request: Parameters<Handle>[0]; readonly response: Parameters<Handle>[1] };
  const queue = createCallQueue<Call>({
    begin: ({ request, response }) => handle(request, response),
    refuse: ({ request, response }) => {
      markLate(request);
      handle(request, response);
    },
    now,
    isGone: ({ request, response }) => request.destroyed || response.destroyed,
  });
  return (request, response) => {
    if (probes.has(request.url)) handle(request, response);
    else queue.add(organizationOf(request.headers.authorization ?? ""), { request, response });
  };
}
