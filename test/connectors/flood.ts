import { type LocalServer, startLocalServer } from "./local-server.ts";

/** Logs everybody in, and answers the first query with rows of an empty text each, 11 bytes a row, some 70 in memory. */
export function flood(rows: number): Promise<LocalServer> {
  const message = (type: string, body: Buffer) => {
    const head = Buffer.alloc(5);
    head.write(type);
    head.writeInt32BE(4 + body.length, 1);
    return Buffer.concat([head, body]);
  };
  const welcome = Buffer.concat([message("R", Buffer.alloc(4)), message("Z", Buffer.from("I"))]);
  const columns = message("T", Buffer.concat([Buffer.from([0, 1]), Buffer.from("a\0"), Buffer.alloc(18)]));
  const row = message("D", Buffer.from([0, 1, 0, 0, 0, 0]));
  const answer = Buffer.concat([columns, ...Array.from({ length: rows }, () => row)]);
  return startLocalServer((socket) => {
    socket.once("data", () => {
      socket.write(welcome);
      socket.once("data", () => socket.write(answer));
    });
  });
}
