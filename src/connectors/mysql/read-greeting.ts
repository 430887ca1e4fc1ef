import { on } from "node:events";
import type { Socket } from "node:net";
import { errorMark, headerLength, isGreeting, maxGreeting } from "./greeting.ts";
import { notMysql, translateMysqlError } from "./translate-mysql-error.ts";

/**
 * Returns the first message of a server, with its header. A server sends nothing further before the client responds; additional
 * bytes were injected. Throws a ProbeError for anything but a greeting.
 */
export async function readGreeting(socket: Socket, signal: AbortSignal): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  for await (const [chunk] of on(socket, "data", { signal, close: ["close"] })) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    const missing = missingOf(bytes);
    if (missing < 0) throw notMysql();
    if (missing === 0) break;
  }
  socket.pause();
  if (missingOf(bytes) !== 0) throw translateMysqlError(Object.assign(new Error("closed"), { code: "ECONNRESET" }));
  if (bytes[headerLength] !== errorMark) return bytes;
  const errno = bytes.length > headerLength + 2 ? bytes.readUInt16LE(headerLength + 1) : 0;
  throw translateMysqlError(Object.assign(new Error("refused"), { errno }));
}

/** Returns the number of missing bytes of the message; negative when the bytes are not one message. */
function missingOf(bytes: Buffer): number {
  if (bytes.length <= headerLength) return maxGreeting;
  return isGreeting(bytes) ? headerLength + bytes.readUIntLE(0, 3) - bytes.length : -1;
}
