import { on } from "node:events";
import type { Socket } from "node:net";
import { errorMark, headerLength, isGreeting, maxGreeting } from "./greeting.ts";
import { notMysql, translateMysqlError } from "./translate-mysql-error.ts";

/**
 * The first message of a server, with its header. Nothing comes after it before the client has answered: more was put
 * in by somebody else. Throws a ProbeError for anything but a greeting.
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

/** How many bytes of the message are not there yet; negative when these are not of one. */
function missingOf(bytes: Buffer): number {
  if (bytes.length <= headerLength) return maxGreeting;
  return isGreeting(bytes) ? headerLength + bytes.readUIntLE(0, 3) - bytes.length : -1;
}
