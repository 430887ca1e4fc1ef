import { once } from "node:events";
import type { Socket } from "node:net";
import { ProbeError } from "../sdk/connector.ts";

/** SSLRequest: its length, and the number that stands where the protocol version would be. */
const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/** Asks a PostgreSQL server in clear to go on in TLS, as its protocol begins. */
export async function startTls(socket: Socket, signal: AbortSignal): Promise<void> {
  socket.write(sslRequest);
  const answer = await firstBytes(socket, signal);
  socket.pause();
  // Anything after the one letter was put in by somebody before the encryption began (CVE-2021-23222).
  if (answer?.toString("latin1") === "S") return;
  if (answer?.toString("latin1") === "N")
    throw new ProbeError("TLS_NOT_OFFERED", "the server does not offer TLS: turn it on there, or leave TLS out", "tls");
  throw new ProbeError("NOT_A_POSTGRES_SERVER", "what answers there is not a PostgreSQL server: check host and port");
}

/** What arrives first; undefined when the other side closes instead. */
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
