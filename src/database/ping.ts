import type { Knex } from "knex";
import { answerWithin } from "./answer-within.ts";

/** Rejects unless the database answers within `timeoutMs`. For health checks. */
export async function ping(knex: Knex, timeoutMs = 2_000): Promise<void> {
  await answerWithin(timeoutMs, knex.raw("select 1"));
}
