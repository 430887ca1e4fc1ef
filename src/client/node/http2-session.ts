import type { ClientHttp2Session, SecureClientSessionOptions } from "node:http2";
import { type GrpcTransportOptions, Http2SessionManager } from "@connectrpc/connect-node";

/** What the transport asks for streams. */
export type Session = NonNullable<GrpcTransportOptions["sessionManager"]>;

/** A dead connection is known after 20 s, so that a call with the usual 30 s has time for another try. */
const pings = { pingIntervalMs: 15_000, pingTimeoutMs: 5_000 };

/**
 * The HTTP/2 connection of a client, opened when it is needed. Pings find out that the other side is gone, which a stream
 * that only listens would never notice.
 *
 * The library takes its error listener away while a broken session may still have an error to tell, and that ends the
 * process (connectrpc/connect-es issue 1768, seen with 2.2.0 when gRPC meets an HTTP/1.1 server). So each session gets one
 * more that stays; the calls on it fail in any case.
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
