import type { Socket } from "node:net";
import { type LocalServer, startLocalServer } from "../local-server.ts";

/** What a server answers to a query: the SQLSTATE of an error, or rows of texts by the names of their columns. */
export type Answer = string | readonly Readonly<Record<string, string>>[];

/** A server that lets everybody in and answers queries, simple and extended; the queries that it got are in `queries`. */
export async function startFakePostgres(
  answer: (sql: string) => Answer,
): Promise<LocalServer & { readonly queries: string[] }> {
  const queries: string[] = [];
  const server = await startLocalServer((socket) => {
    const receive = converse(socket, (sql) => {
      queries.push(sql);
      return answer(sql);
    });
    socket.once("data", () => {
      socket.write(Buffer.concat([message("R", int32(0)), ready]));
      socket.on("data", receive);
    });
  });
  return { ...server, queries };
}

function converse(socket: Socket, answer: (sql: string) => Answer): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  let parsed = "";
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
      const end = 1 + rest.readUInt32BE(1);
      const [type, body] = [String.fromCharCode(rest[0] ?? 0), rest.subarray(5, end)];
      rest = rest.subarray(end);
      if (type === "Q") socket.write(Buffer.concat([said(answer(textAt(body, 0))), ready]));
      // The name of the statement comes before its text.
      if (type === "P") parsed = textAt(body, body.indexOf(0) + 1);
      if (type === "S") socket.write(Buffer.concat([message("1"), message("2"), said(answer(parsed)), ready]));
    }
  };
}

function said(answer: Answer): Buffer {
  if (typeof answer === "string")
    return message("E", text("SERROR"), text(`C${answer}`), text("Mwords of the server"), Buffer.alloc(1));
  const names = Object.keys(answer[0] ?? { value: "" });
  const columns = names.map((name) =>
    Buffer.concat([text(name), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)]),
  );
  const rows = answer.map((row) => {
    const values = names.map((name) => Buffer.from(row[name] ?? ""));
    return message("D", int16(names.length), ...values.flatMap((value) => [int32(value.length), value]));
  });
  return Buffer.concat([message("T", int16(names.length), ...columns), ...rows, message("C", text("SELECT 1"))]);
}

function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(4 + body.length), body]);
}

const textAt = (bytes: Buffer, from: number) => bytes.subarray(from, bytes.indexOf(0, from)).toString();
const text = (value: string) => Buffer.from(`${value}\0`);

function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

const ready = message("Z", Buffer.from("I"));
