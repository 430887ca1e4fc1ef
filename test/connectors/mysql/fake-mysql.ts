import type { Socket } from "node:net";
import { type LocalServer, secure, startLocalServer } from "../local-server.ts";

/** A message with its header. */
export function message(number: number, body: Buffer | string): Buffer {
  const bytes = Buffer.from(body);
  const header = Buffer.alloc(4);
  header.writeUIntLE(bytes.length, 0, 3);
  header.writeUInt8(number, 3);
  return Buffer.concat([header, bytes]);
}

const protocol41 = 0x200 | 0x8000;
const pluginAuth = 0x8;
export const abilities = { tls: 0x800, manyFactors: 0x1000 };

/** What a server says first. */
export function greeting({
  lower = protocol41,
  upper = pluginAuth,
  extended = 0,
  plugin = "mysql_native_password",
} = {}) {
  const body = Buffer.alloc(32);
  body.writeUInt32LE(7, 0);
  body.fill("12345678", 4, 12);
  body.writeUInt16LE(protocol41 | lower, 13);
  body.writeUInt8(45, 15);
  body.writeUInt16LE(2, 16);
  body.writeUInt16LE(pluginAuth | upper, 18);
  body.writeUInt8(21, 20);
  body.writeUInt32LE(extended, 27);
  return message(
    0,
    Buffer.concat([Buffer.from("\n8.4.0\0"), body.subarray(0, 31), Buffer.from(`123456789012\0${plugin}\0`)]),
  );
}

export const ok = (number: number) => message(number, Buffer.from([0, 0, 0, 2, 0, 0, 0]));
export const refusal = (number: number, errno: number) => {
  const code = Buffer.alloc(3);
  code.writeUInt8(0xff);
  code.writeUInt16LE(errno, 1);
  return message(number, Buffer.concat([code, Buffer.from("#28000words of the server")]));
};
/** Asks for another way to log in. */
export const authSwitch = (number: number, plugin: string) =>
  message(number, Buffer.concat([Buffer.from([0xfe]), Buffer.from(`${plugin}\0${"a".repeat(20)}\0`)]));
export const moreData = (number: number, data: Buffer) => message(number, Buffer.concat([Buffer.from([1]), data]));

/** What a server says to each message of a client, by its sequence number; undefined to say nothing. */
export type Answer = (received: Buffer, number: number) => Buffer | undefined;

/** A server that greets and then answers message by message; all that it received is in `received`. */
export async function startFakeMysql(
  greet: Buffer,
  answer: Answer,
  certificate?: string,
): Promise<LocalServer & { readonly received: Buffer[] }> {
  const received: Buffer[] = [];
  const converse = (socket: Socket) => {
    let pending = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 4 && pending.length >= 4 + pending.readUIntLE(0, 3)) {
        const end = 4 + pending.readUIntLE(0, 3);
        const whole = pending.subarray(0, end);
        pending = pending.subarray(end);
        received.push(whole);
        const said = answer(whole, whole.readUInt8(3));
        if (said !== undefined) socket.write(said);
      }
    });
  };
  const server = await startLocalServer((socket) => {
    socket.write(greet);
    if (certificate === undefined) return converse(socket);
    socket.once("data", (chunk: Buffer) => {
      received.push(chunk.subarray(0, 36));
      // What comes after the request is the handshake.
      socket.pause().unshift(chunk.subarray(36));
      converse(secure(socket, certificate));
    });
  });
  return { ...server, received };
}
