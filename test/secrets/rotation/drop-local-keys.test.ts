import { expect, test } from "vitest";
import { openKnex } from "../../../src/database/open-knex.ts";
import { withLocalKeys } from "../../../src/secrets/rotation/drop-local-keys.ts";
import { toUrl } from "../../support/app.ts";
import { createTestDatabase } from "../../support/postgres.ts";

test("a command keeps its lock for as long as it works, whatever limit there is for an idle transaction", async () => {
  const database = await createTestDatabase();
  await database.knex.raw("alter database ?? set idle_in_transaction_session_timeout = '50ms'", [
    database.target.database,
  ]);
  const knex = openKnex({ url: toUrl(database.target), prepare: false }, 2);
  const idle = `select count(*)::int as count from pg_stat_activity
    where datname = current_database() and state = 'idle in transaction' and clock_timestamp() - state_change > '500ms'`;
  try {
    const worked = await withLocalKeys(knex, async () => {
      await expect.poll(async () => (await knex.raw(idle)).rows, { timeout: 90_000 }).toEqual([{ count: 1 }]);
      return "worked";
    });
    expect(worked).toBe("worked");
  } finally {
    await knex.destroy();
    await database.drop();
  }
});
