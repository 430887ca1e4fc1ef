import type { Knex } from "knex";
import { withTimeout } from "../concurrency/with-timeout.ts";
import { rejectReadOnly } from "./reject-read-only.ts";

/**
 * Rejects unless the database answers within `timeoutMs` (milliseconds, default: 2000) and accepts writes: a standby, or the
 * old primary of a failover, answers but cannot serve. For health checks.
 */
export async function pingDatabase(knex: Knex, timeoutMs = 2_000): Promise<void> {
  await withTimeout(timeoutMs, rejectReadOnly(knex));
}
