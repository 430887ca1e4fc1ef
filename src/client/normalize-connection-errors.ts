import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import type { TransportName } from "./transport-name.ts";

/**
 * Maps connection errors to UNAVAILABLE with a sentence, and a wrong protocol to INTERNAL. Depending on the protocol and the
 * failure, the libraries throw CANCELED, ABORTED, INTERNAL or UNKNOWN for a broken connection. Errors that the server sent, and
 * those of a call that the caller cancelled, stay unchanged.
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
  // A plaintext port can end an unknown TLS handshake this way; so can a network failure.
  if (/before secure TLS connection was established/.test(error.rawMessage))
    return say(`no connection to ${baseUrl}: ${error.rawMessage}: is it an http:// address?`, away);
  // fetch gives no further detail, and reports a page that CORS denies in the same way.
  if (error.code === Code.Unknown && error.cause instanceof TypeError)
    return say(`no connection to ${baseUrl}: ${error.rawMessage} (for a page, is its origin in CORS_ORIGINS?)`, away);
  const broken =
    error.code === Code.Canceled || // the caller did not cancel: checked above
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

/** The error and its chain of causes, at most ten below it. */
function causesOf(error: unknown, depth = 0): { readonly code?: unknown }[] {
  if (!(error instanceof Error) || depth > 10) return [];
  return [error as { code?: unknown }, ...causesOf(error.cause, depth + 1)];
}
