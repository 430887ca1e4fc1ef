import type { ClientHttp2Session, SecureClientSessionOptions } from "node:http2";
import { type GrpcTransportOptions, Http2SessionManager } from "@connectrpc/connect-node";

/** The session manager of the gRPC transport: it opens streams. */
export type Session = NonNullable<GrpcTransportOptions["sessionManager"]>;

/**
 * Intervals in milliseconds. A dead connection is detected after 20 s, so a call with the default deadline of 30 s has time for
 * a retry.
 */
const pings = { pingIntervalMs: 15_000, pingTimeoutMs: 5_000 };

/**
 * Returns the HTTP/2 connection of a client, opened with the first call. Pings detect a vanished peer, which a stream that only
 * receives would never notice.
 *
 * The library removes its error listener while a broken session can still emit an error, which would end the process
 * (connectrpc/connect-es issue 1768, seen with 2.2.0 when gRPC meets an HTTP/1.1 server). Each session therefore has one more
 * listener, which stays; the calls on it fail in any case.
 */
export function openSession(baseUrl: string, options: SecureClientSessionOptions): Session {
  const manager = new Http2SessionManager(baseUrl, pings, options);
  const guarded = new WeakSet<ClientHttp2Session>();
  return {
    authority: manager.authority,
    notifyResponseByteRead: (stream) => manager.notifyResponseByteRead(stream),
    request: async (...call) => {
      const stream = await manager.request(...call);
      const session = stream.session as ClientHttp2Session | undefined;
      if (session !== undefined && !guarded.has(session)) {
        guarded.add(session);
        session.on("error", () => {});
      }
      return stream;
    },
  };
}
