import { ProbeError, type Step } from "../sdk/connector.ts";
import type { RedisClient } from "./session.ts";
import { notRedis, replyOf } from "./translate-redis-error.ts";

/** Returns the response to PING: the server's text, or MASTERDOWN for a replica that serves again when its master is back. */
export async function pingRedis(client: RedisClient): Promise<string> {
  try {
    const answer = await client.ask("PING");
    return typeof answer === "string" ? answer : "";
  } catch (error) {
    if (replyOf(error).startsWith(masterDown)) return masterDown;
    throw error;
  }
}

/** Returns the warning of a replica without its master; undefined for other responses. */
export function warningOf(answer: string): Step["warning"] {
  return answer === masterDown ? lostMaster : undefined;
}

/** Throws a ProbeError for a response that is not of Redis. */
export function judgePing(answer: string): void {
  const [code, hint] = notRedis;
  if (answer !== "PONG" && answer !== masterDown) throw new ProbeError(code, hint);
}

const masterDown = "MASTERDOWN";
const lostMaster = {
  code: "MASTER_DOWN",
  hint: "the server is a replica that has lost its master, and serves nothing until it is back",
};
