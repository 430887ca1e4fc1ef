import type { Duplex } from "node:stream";

/** How a server answers. */
export interface FakeNats {
  /** Members of INFO. */
  readonly info?: Record<string, unknown>;
  /** In place of the PONG that ends a log-in. */
  readonly welcome?: string;
  /** To SUB and PUB, nothing when absent. */
  readonly sub?: string;
  readonly pub?: string;
  /** Hangs up after the log-in. */
  readonly leaves?: boolean;
}

export const greeting = (info: Record<string, unknown> = {}) =>
  `INFO ${JSON.stringify({ server_id: "fake", version: "2.10.0", proto: 1, headers: true, max_payload: 1024, ...info })}\r\n`;

/** Speaks just enough of the protocol, and keeps every line that it gets. */
export function fakeNats({ info, welcome = "PONG\r\n", sub, pub, leaves }: FakeNats, lines: string[] = []) {
  return (socket: Duplex): void => {
    let loggedIn = false;
    socket.write(greeting(info));
    socket.on("data", (bytes: Buffer) => {
      for (const line of bytes.toString().split("\r\n")) {
        if (line !== "") lines.push(line);
        if (line.startsWith("SUB ") && sub !== undefined) socket.write(sub);
        if (line.startsWith("PUB ")) socket.write(pub ?? nobody(line.split(" ")[2] ?? ""));
        if (line !== "PING") continue;
        socket.write(loggedIn ? "PONG\r\n" : welcome);
        if (leaves === true) socket.end();
        loggedIn = true;
      }
    });
  };
}

/** What a server answers to a request that nobody takes; the first subscription is the inbox. */
function nobody(inbox: string): string {
  const headers = "NATS/1.0 503\r\n\r\n";
  return `HMSG ${inbox} 1 ${headers.length} ${headers.length}\r\n${headers}\r\n`;
}
