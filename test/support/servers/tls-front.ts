import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createServer } from "node:tls";
import { authority, type Certificate, certificateTexts, type TlsPorts } from "./certificates.ts";

export interface TlsFront extends AsyncDisposable {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Ends TLS and passes the bytes on to a port in clear, for servers that can have one certificate only. `mutual` asks
 * for a client's certificate that the authority has signed and closes the connection without one.
 */
export async function startTlsFront(options: {
  readonly port: number;
  readonly certificate: Certificate;
  readonly mutual?: boolean;
}): Promise<TlsFront> {
  const open = new Set<Socket>();
  const track = (socket: Socket) => open.add(socket.on("error", () => {}).once("close", () => open.delete(socket)));
  const clients = options.mutual ? { requestCert: true, ca: authority } : {};
  const server = createServer({ ...certificateTexts(options.certificate), ...clients }, (outside) => {
    const inside = connect(options.port, "127.0.0.1");
    track(inside);
    inside.once("close", () => outside.destroy()).pipe(outside);
    outside
      .on("error", () => {})
      .once("close", () => inside.destroy())
      .pipe(inside);
  });
  server.on("connection", track).on("tlsClientError", (_, socket) => socket.destroy());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = async () => {
    for (const socket of open) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, "close");
  };
  return { port: (server.address() as AddressInfo).port, stop, [Symbol.asyncDispose]: stop };
}

/** A front a certificate and a mutual one. All of them are in `stack`. */
export async function startTlsFronts(
  port: number,
  stack: AsyncDisposableStack,
): Promise<{ readonly tls: TlsPorts; readonly mutual: number }> {
  const front = async (certificate: Certificate, mutual = false) =>
    stack.use(await startTlsFront({ port, certificate, mutual })).port;
  return {
    tls: { good: await front("good"), expired: await front("expired"), "other-name": await front("other-name") },
    mutual: await front("good", true),
  };
}
