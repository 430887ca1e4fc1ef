import type { Knex } from "knex";
import { answerWithin } from "./answer-within.ts";

/**
 * Rejects unless the database answers within `timeoutMs`, and takes writes: a standby, or the old primary of a failover, answers
 * and cannot serve. For health checks.
 */
export async function ping(knex: Knex, timeoutMs = 2_000): Promise<void> {
  const setting = knex.raw<{ rows: { transaction_read_only: string }[] }>("show transaction_read_only");
  const { rows } = await answerWithin(timeoutMs, setting);
  if (rows[0]?.transaction_read_only !== "off") throw new Error("The database only reads");
}
