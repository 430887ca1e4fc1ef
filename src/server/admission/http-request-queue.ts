import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { createCallQueue } from "./call-queue.ts";

/** Takes a request of either version of HTTP. */
export type Handle = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void;

export interface HttpRequestQueueOptions {
  readonly handle: Handle;
  /** Whose token an `authorization` header is; empty when that is not known. */
  readonly organizationOf: (authorization: string) => string;
  /** Called for a request that has waited too long, before it is handled. */
  readonly markLate: (request: Parameters<Handle>[0]) => void;
  readonly now?: (() => number) | undefined;
}

/** What waits for nobody: health checks. */
const probes: ReadonlySet<string | undefined> = new Set(["/healthz", "/readyz"]);

/** Hands requests on a few at a time, each organization's in its turn, so that health checks are answered in between. */
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
