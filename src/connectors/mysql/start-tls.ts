import type { Socket } from "node:net";
import { ProbeError } from "../sdk/connector.ts";
import { abilitiesOf, tlsFlag } from "./greeting.ts";
import { readGreeting } from "./read-greeting.ts";

/**
 * Reads the server's greeting, after which TLS of MySQL begins, and asks for TLS as a client with these `flags`. A server
 * without TLS is refused: nothing goes on in clear. Answers with the greeting.
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

/** SSLRequest: the beginning of a log-in, with the sequence number 1; of its 32 bytes most are reserved. */
function tlsRequest(flags: number): Buffer {
  const message = Buffer.alloc(36);
  message.writeUIntLE(32, 0, 3);
  message.writeUInt8(1, 3);
  // mysql2 keeps them as a signed number.
  message.writeUInt32LE(flags >>> 0, 4);
  message.writeUInt8(utf8mb4, 12);
  return message;
}

const utf8mb4 = 45;
