import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type SecureClientSessionOptions } from "node:http2";

/** An answer over HTTP/2. */
export interface Http2Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly text: string;
  /** Empty where there are none. */
  readonly trailers: Record<string, unknown>;
}

/** One connection of HTTP/2, by ALPN to `https:`, with prior knowledge to `http:`. */
export interface Http2Client {
  readonly session: ClientHttp2Session;
  request(what: string, init?: { headers?: Record<string, string>; body?: string | Uint8Array }): Promise<Http2Answer>;
  /** The same without waiting for the end of the answer. */
  open(what: string, headers?: Record<string, string>): ClientHttp2Stream;
  close(): void;
}

export async function openHttp2(url: string, options: SecureClientSessionOptions = {}): Promise<Http2Client> {
  const session = connect(url, options);
  session.on("error", () => undefined);
  await once(session, "connect");
  const open: Http2Client["open"] = (what, headers = {}) => {
    const [method = "", path = ""] = what.split(" ");
    const stream = session.request({ ":method": method, ":path": path, ...headers }, { endStream: false });
    stream.on("error", () => undefined);
    return stream;
  };
  return {
    session,
    open,
    request: async (what, { headers = {}, body = "" } = {}) => {
      const stream = open(what, headers);
      const response = once(stream, "response");
      let trailers: Record<string, unknown> = {};
      stream.once("trailers", (given) => {
        trailers = given;
      });
      stream.end(body);
      const [head] = (await response) as [Record<string, unknown>];
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      return { status: Number(head[":status"]), headers: head, text: Buffer.concat(chunks).toString(), trailers };
    },
    close: () => session.destroy(),
  };
}
