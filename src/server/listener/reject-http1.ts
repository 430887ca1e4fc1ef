import type { Socket } from "node:net";

/** How a request line of HTTP/1 begins; a TLS handshake and other protocols do not. */
const requestLine = /^[A-Z]{1,16} /;

/** How long a client of HTTP/1.1 may take to read its answer and to leave, in milliseconds. */
const lingerMs = 2000;

/** Answers a client of HTTP/1.1 on a port that speaks HTTP/2 alone; a client of anything else is closed. */
export function rejectHttp1(socket: Socket, text: string): void {
  const late = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(late)).on("error", () => socket.destroy());
  socket.once("data", (chunk: Buffer) => {
    if (!requestLine.test(chunk.toString("latin1", 0, 17))) {
      socket.destroy();
      return;
    }
    socket.resume(); // what is left of the request: unread bytes would make a reset of the end, which loses the answer
    socket.end(
      `HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
    );
  });
}
