import type { Socket } from "node:net";

/** The HTTP/2 connection preface with prior knowledge (RFC 9113, 3.4). No HTTP/1 request starts like this. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/**
 * Reads enough bytes to distinguish HTTP/2 from HTTP/1, puts them back, and hands the connection on. A connection that does not
 * identify itself within `timeoutMs` milliseconds is destroyed.
 */
export function sniffProtocol(
  socket: Socket,
  timeoutMs: number,
  handOn: { readonly http1: (socket: Socket) => void; readonly http2: (socket: Socket) => void },
): void {
  let seen = Buffer.alloc(0);
  const destroy = () => socket.destroy();
  const late = setTimeout(destroy, timeoutMs);
  const look = () => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    seen = Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, preface.length);
    const isHttp2 = preface.compare(seen, 0, length, 0, length) === 0;
    if (isHttp2 && length < preface.length) return; // the rest is still to come
    clearTimeout(late);
    socket.off("readable", look).off("end", destroy).off("error", destroy);
    socket.unshift(seen);
    (isHttp2 ? handOn.http2 : handOn.http1)(socket);
  };
  socket.once("close", () => clearTimeout(late));
  socket.on("error", destroy).on("end", destroy).on("readable", look);
}
