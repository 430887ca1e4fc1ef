import {
  constants,
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import { rejectLargeHeaders } from "../http/http-protocol-errors.ts";
import { continueWhenRead, resetWhenAnswered } from "./early-closing-response.ts";

/** Timeouts of a connection in milliseconds. */
export interface ListenerTimeouts {
  /** For the first byte, a TLS handshake, the headers of a request, and the first stream of an HTTP/2 connection. */
  readonly headersMs: number;
  /** For a complete request. */
  readonly requestMs: number;
  /** Between two requests on a connection. */
  readonly idleMs: number;
}

/** An HTTP/2 server without a port: it gets connections by its event `connection`. */
export interface Http2Sessions {
  readonly server: Http2Server;
  /** Sends GOAWAY on every session; a session ends with its last stream. */
  drain(): void;
}

/**
 * The HTTP/2 half of the listener. nghttp2 itself ends sessions that flood it: with resets (1000 at once, then 33 a second),
 * CONTINUATION frames (8), SETTINGS, PING and the acknowledgements that they want (1000 unsent).
 */
export function serveHttp2(
  handle: (request: Http2ServerRequest, response: Http2ServerResponse) => void,
  { maxHeaderBytes, timeouts }: { readonly maxHeaderBytes: number; readonly timeouts: ListenerTimeouts },
): Http2Sessions {
  const server = createServer({
    settings: { maxConcurrentStreams: 250 }, // no maxHeaderListSize: Node would reset a stream with more in place of a 431
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
  });
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    endWhenIdle(session, timeouts);
  });
  const take = (request: Http2ServerRequest, response: Http2ServerResponse) => {
    resetWhenAnswered(request, response);
    limitArrival(request, timeouts.requestMs);
    if (bytesOf(request) > maxHeaderBytes) rejectLargeHeaders(response);
    else handle(request, response);
  };
  server.on("request", take);
  server.on("checkContinue", (request, response) => {
    continueWhenRead(request, response);
    take(request, response);
  });
  return {
    server,
    drain: () => {
      for (const session of sessions) session.close();
    },
  };
}

function bytesOf({ rawHeaders }: Http2ServerRequest): number {
  return rawHeaders.reduce((sum, part) => sum + part.length, 0);
}

/** Ends a session without streams: after `headersMs` when it never had one, after `idleMs` later. Other frames do not count. */
function endWhenIdle(session: ServerHttp2Session, { headersMs, idleMs }: ListenerTimeouts): void {
  let open = 0;
  const end = () => {
    if (session.closed) return session.destroy(); // a stream with incomplete headers would keep it open
    session.close();
    idle = setTimeout(end, headersMs);
  };
  let idle = setTimeout(end, headersMs);
  session.on("stream", (stream) => {
    open += 1;
    clearTimeout(idle);
    stream.once("close", () => {
      open -= 1;
      if (open === 0 && !session.destroyed) idle = setTimeout(end, session.closed ? headersMs : idleMs);
    });
  });
  session.once("close", () => clearTimeout(idle));
}

/** Ends a stream whose request is not complete after `ms` milliseconds; for HTTP/1 Node itself does so. */
function limitArrival(request: Http2ServerRequest, ms: number): void {
  if (request.complete) return;
  const { stream } = request;
  const late = setTimeout(() => {
    if (!request.complete) stream.close(constants.NGHTTP2_CANCEL);
  }, ms);
  const arrived = () => clearTimeout(late);
  request.once("end", arrived);
  stream.once("close", arrived);
}
