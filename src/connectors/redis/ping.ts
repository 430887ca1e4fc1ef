import { ProbeError, type Step } from "../sdk/connector.ts";
import type { RedisClient } from "./session.ts";
import { notRedis, replyOf } from "./translate-redis-error.ts";

/** The answer to PING: whatever answers there says, or MASTERDOWN of a replica that will serve again with its master. */
export async function pingRedis(client: RedisClient): Promise<string> {
  try {
    const answer = await client.ask("PING");
    return typeof answer === "string" ? answer : "";
  } catch (error) {
    if (replyOf(error).startsWith(masterDown)) return masterDown;
    throw error;
  }
}

/** What to look at, although it answers. */
export function warningOf(answer: string): Step["warning"] {
  return answer === masterDown ? lostMaster : undefined;
}

/** Throws for what does not answer as Redis does. */
export function judgePing(answer: string): void {
  const [code, hint] = notRedis;
  if (answer !== "PONG" && answer !== masterDown) throw new ProbeError(code, hint);
}

const masterDown = "MASTERDOWN";
const lostMaster = {
  code: "MASTER_DOWN",
  hint: "the server is a replica that has lost its master, and serves nothing until it is back",
};
