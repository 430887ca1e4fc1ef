import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import type { TransportName } from "./transport-name.ts";

/**
 * Gives connection errors one code, UNAVAILABLE, and a sentence. The libraries below answer CANCELLED, ABORTED, INTERNAL
 * or UNKNOWN for a connection that broke, depending on the protocol and on how it broke. What the server itself said, and
 * a call that the caller left, stay as they are.
 */
export function normalizeConnectionErrors(baseUrl: string, transport: TransportName): Interceptor {
  return (next) => async (request) => {
    const named = (thrown: unknown) =>
      request.signal.aborted ? thrown : nameError(ConnectError.from(thrown), baseUrl, transport);
    try {
      const response = await next(request);
      return response.stream ? { ...response, message: watched(response.message, named) } : response;
    } catch (thrown) {
      throw named(thrown);
    }
  };
}

async function* watched<T>(messages: AsyncIterable<T>, named: (thrown: unknown) => unknown): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (thrown) {
    throw named(thrown);
  }
}

function nameError(error: ConnectError, baseUrl: string, transport: TransportName): ConnectError {
  if (error.details.length > 0) return error;
  const causes = causesOf(error);
  const has = (pattern: RegExp) => causes.some(({ code }) => typeof code === "string" && pattern.test(code));
  const say = (message: string, code: Code) => new ConnectError(message, code, error.metadata, undefined, error.cause);

  const otherVersion = has(/^ERR_HTTP2_ERROR$/) && /protocol error/i.test(error.rawMessage);
  if (has(/^HPE_/) || otherVersion || error.rawMessage === "HTTP 505")
    return say(`${baseUrl} does not speak ${spoken[transport]}: ${advice[transport]}`, Code.Internal);
  if (has(/^(ERR_SSL_WRONG_VERSION_NUMBER|EPROTO)$/))
    return say(`${baseUrl} does not answer with TLS: is it an http:// address?`, Code.Internal);
  // What a port in clear can do with a TLS handshake that it does not know; a network can do it too.
  if (/before secure TLS connection was established/.test(error.rawMessage))
    return say(`no connection to ${baseUrl}: ${error.rawMessage}: is it an http:// address?`, away);
  // fetch says no more than that, and the same for a page that is not allowed to call.
  if (error.code === Code.Unknown && error.cause instanceof TypeError)
    return say(`no connection to ${baseUrl}: ${error.rawMessage} (for a page, is its origin in CORS_ORIGINS?)`, away);
  const broken =
    error.code === Code.Canceled || // nobody cancelled: checked above
    has(/^(E[A-Z]+|EAI_AGAIN|ERR_HTTP2_[A-Z_]+|ERR_STREAM_[A-Z_]+)$/);
  return broken ? say(`no connection to ${baseUrl}: ${error.rawMessage}`, away) : error;
}

const away = Code.Unavailable;
const spoken = { grpc: "gRPC", connect: "HTTP/1.1", "grpc-web": "HTTP/1.1" } as const;
const advice = {
  grpc: 'it answers in HTTP/1.1, as a proxy may; use the port of gRPC (50051 unless configured otherwise), or transport "connect"',
  connect: 'this may be the port of gRPC; use that of HTTP (8080 unless configured otherwise), or transport "grpc"',
  "grpc-web": 'this may be the port of gRPC; use that of HTTP (8080 unless configured otherwise), or transport "grpc"',
} as const;

/** The error and what caused it, at most ten deep. */
function causesOf(error: unknown, depth = 0): { readonly code?: unknown }[] {
  if (!(error instanceof Error) || depth > 10) return [];
  return [error as { code?: unknown }, ...causesOf(error.cause, depth + 1)];
}
