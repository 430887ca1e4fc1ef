import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * A port that nobody listens on now, for a server that cannot be told to choose one itself. It lies below the range
 * that the system takes for outgoing connections (32768 to 60999 on Linux): one of that range can be gone, for such a
 * connection of a test running beside, before the server that it was found for has started.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch {
      continue; // taken: another one
    }
    server.close();
    await once(server, "close");
    return port;
  }
}
