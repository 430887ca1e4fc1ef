import type { Knex } from "knex";
import { answerWithin } from "./answer-within.ts";
import { refuseReadOnly } from "./refuse-read-only.ts";

/**
 * Rejects unless the database answers within `timeoutMs`, and takes writes: a standby, or the old primary of a failover, answers
 * and cannot serve. For health checks.
 */
export async function pingDatabase(knex: Knex, timeoutMs = 2_000): Promise<void> {
  await answerWithin(timeoutMs, refuseReadOnly(knex));
}
