import { once } from "node:events";
import type { Socket } from "node:net";
import { ProbeError } from "../sdk/connector.ts";

/** SSLRequest: its length, and a number in place of the protocol version. */
const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/** Requests TLS from a PostgreSQL server in plaintext, as its protocol requires. Rejects when the server does not accept. */
export async function startTls(socket: Socket, signal: AbortSignal): Promise<void> {
  socket.write(sslRequest);
  const answer = await firstBytes(socket, signal);
  socket.pause();
  // Bytes after the one letter were injected before the encryption (CVE-2021-23222).
  if (answer?.toString("latin1") === "S") return;
  if (answer?.toString("latin1") === "N")
    throw new ProbeError("TLS_NOT_OFFERED", "the server does not offer TLS: turn it on there, or leave TLS out", "tls");
  throw new ProbeError("NOT_A_POSTGRES_SERVER", "what answers there is not a PostgreSQL server: check host and port");
}

/** Returns the first bytes; undefined when the server closes the connection instead. */
async function firstBytes(socket: Socket, signal: AbortSignal): Promise<Buffer | undefined> {
  const done = new AbortController();
  const either = { signal: AbortSignal.any([signal, done.signal]) };
  try {
    const data = once(socket, "data", either).then(([chunk]) => chunk as Buffer);
    const close = once(socket, "close", either).then(() => undefined);
    close.catch(() => undefined);
    return await Promise.race([data, close]);
  } finally {
    done.abort();
  }
}
