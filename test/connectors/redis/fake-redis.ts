import { type LocalServer, startLocalServer } from "../local-server.ts";

/** A server that answers every command (its words in upper case, such as `CLUSTER SLOTS`) with the bytes of `answer`. */
export function startFakeRedis(answer: (command: string) => string): Promise<LocalServer> {
  return startLocalServer((socket) => {
    socket.on("data", (chunk: Buffer) => {
      // *2 $7 CLUSTER $5 SLOTS: the words are every second line.
      const commands = chunk.toString().split(/(?=\*\d+\r\n)/);
      for (const command of commands) {
        const words = command.split("\r\n").filter((line) => !/^[*$]\d+$/.test(line) && line !== "");
        socket.write(answer(words.join(" ").toUpperCase()));
      }
    });
  });
}

export const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;

/** An answer to CLUSTER SLOTS with one range of slots for each node. */
export function slotsOf(nodes: readonly (readonly [host: string | null, port: number])[]): string {
  const ranges = nodes.map(
    ([host, port], index) =>
      `*3\r\n:${index}\r\n:${index}\r\n*3\r\n${host === null ? "$-1\r\n" : bulk(host)}:${port}\r\n${bulk("id")}`,
  );
  return `*${nodes.length}\r\n${ranges.join("")}`;
}

/** What a well-meaning node of a cluster says, with the given nodes. */
export function asNode(nodes: Parameters<typeof slotsOf>[0]): (command: string) => string {
  return (command) => {
    if (command === "CLUSTER SLOTS") return slotsOf(nodes);
    if (command === "PING") return "+PONG\r\n";
    if (command.startsWith("INFO")) return bulk("redis_version:7.2.4\r\nredis_mode:cluster\r\nrole:master\r\n");
    return command === "CLUSTER INFO" ? bulk("cluster_state:ok\r\n") : "+OK\r\n";
  };
}
