import type { Socket } from "node:net";
import { ProbeError } from "../sdk/connector.ts";
import { abilitiesOf, tlsFlag } from "./greeting.ts";
import { readGreeting } from "./read-greeting.ts";

/**
 * Reads the server's greeting, requests TLS with these capability `flags`, and returns the greeting. A server without TLS is
 * rejected with a ProbeError; nothing continues in plaintext.
 */
export async function startTls(socket: Socket, signal: AbortSignal, flags: number): Promise<Buffer> {
  const greeting = await readGreeting(socket, signal);
  if ((abilitiesOf(greeting) & tlsFlag) === 0) throw new ProbeError(...notOffered);
  socket.write(tlsRequest(flags));
  return greeting;
}

const notOffered = [
  "TLS_NOT_OFFERED",
  "the server does not offer TLS: turn it on there, or leave TLS out",
  "tls",
] as const;

/** Returns an SSLRequest: the start of a log-in, with the sequence number 1; most of its 32 bytes are reserved. */
function tlsRequest(flags: number): Buffer {
  const message = Buffer.alloc(36);
  message.writeUIntLE(32, 0, 3);
  message.writeUInt8(1, 3);
  // mysql2 stores the flags as a signed number.
  message.writeUInt32LE(flags >>> 0, 4);
  message.writeUInt8(utf8mb4, 12);
  return message;
}

const utf8mb4 = 45;
