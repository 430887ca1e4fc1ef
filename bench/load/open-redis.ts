import { Redis } from "ioredis";
import type { Caller } from "./caller.ts";
import { profilePassword } from "./encode-profile.ts";
import type { Target } from "./target.ts";

/** What a test of a Redis profile says to its server, by ioredis alone: a connection, AUTH, PING and two INFO a call. */
export async function openRedis({ port }: Target): Promise<Caller> {
  return {
    async call() {
      const client = new Redis({
        host: "127.0.0.1",
        port,
        password: profilePassword,
        lazyConnect: true,
        protocol: 2,
        enableReadyCheck: false,
        disableClientInfo: true,
        retryStrategy: null,
      });
      const failed = new Promise<never>((_, reject) => client.once("error", reject));
      try {
        await Promise.race([failed, ask(client)]);
      } finally {
        client.disconnect();
      }
    },
    close: async () => undefined,
  };
}

async function ask(client: Redis): Promise<void> {
  await client.connect();
  const answer = await client.ping();
  if (answer !== "PONG") throw new Error(`PING was answered with ${answer}`);
  await client.info("server");
  await client.info("replication");
}
