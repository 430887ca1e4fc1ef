import type { Socket } from "node:net";

/** The start of an HTTP/1 request line, which no TLS handshake matches. */
const requestLine = /^[A-Z]{1,16} /;

/** Milliseconds for the client to read the response and to disconnect. */
const lingerMs = 2000;

/** Sends status 505 with `text` to an HTTP/1.1 client on an HTTP/2-only port; closes a connection of any other protocol. */
export function rejectHttp1(socket: Socket, text: string): void {
  const late = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(late)).on("error", () => socket.destroy());
  socket.once("data", (chunk: Buffer) => {
    if (!requestLine.test(chunk.toString("latin1", 0, 17))) {
      socket.destroy();
      return;
    }
    socket.resume(); // discards the rest of the request: unread bytes would cause a reset, which loses the response
    socket.end(
      `HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
    );
  });
}
