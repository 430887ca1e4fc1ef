import type { Socket } from "node:net";

/** What every HTTP/2 client begins with (RFC 9113, 3.4). */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** How a request line of HTTP/1 begins; a TLS handshake and other protocols do not. */
const requestLine = /^[A-Z]{1,16} /;

/** How long a client may take to say what it speaks, in milliseconds. */
export const prefaceTimeoutMs = 10_000;

export interface SniffOptions {
  /** Gets the socket, with nothing of it read, once it turns out to speak HTTP/2. */
  readonly onHttp2: (socket: Socket) => void;
  /** What a client of HTTP/1.1 is told. */
  readonly explanation: string;
  readonly timeoutMs?: number;
}

/**
 * Waits for the first bytes of a connection. A client that sends none is closed, one that speaks HTTP/1.1 is told what
 * this port is, and anything else is closed.
 */
export function sniffHttp2(socket: Socket, { onHttp2, explanation, timeoutMs = prefaceTimeoutMs }: SniffOptions): void {
  let seen: Buffer = Buffer.alloc(0);
  const late = setTimeout(() => socket.destroy(), timeoutMs);
  const closed = () => clearTimeout(late);
  const broken = () => socket.destroy();
  const read = (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, preface.length);
    if (seen.subarray(0, length).equals(preface.subarray(0, length))) {
      if (length < preface.length) return;
      leave();
      socket.pause();
      socket.unshift(seen);
      onHttp2(socket);
      return;
    }
    leave();
    if (requestLine.test(seen.toString("latin1", 0, 17))) explain(socket, explanation);
    else socket.destroy();
  };
  const leave = () => {
    clearTimeout(late);
    socket.off("close", closed).off("error", broken).off("data", read);
  };
  socket.on("close", closed).on("error", broken).on("data", read);
}

/** How long a client of HTTP/1.1 may take to read its answer and to leave, in milliseconds. */
const lingerMs = 2000;

function explain(socket: Socket, text: string): void {
  const late = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(late)).on("error", () => socket.destroy());
  socket.resume(); // what is left of the request: unread bytes would make a reset of the end, which loses the answer
  socket.end(
    `HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  );
}
