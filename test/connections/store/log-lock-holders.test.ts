import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LockHolder, logLockHolders } from "../../../src/connections/store/log-lock-holders.ts";
import { openKnex } from "../../../src/database/open-knex.ts";
import { silent } from "../../../src/telemetry/telemetry.ts";
import { createTestDatabase } from "../../support/postgres.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.knex("organization").insert({ id: "held", revision: 0 });
});
afterAll(() => database.drop());

/** What is reported, with a counter of the test. */
function open() {
  const lines: { organizationId: string; holders: LockHolder[]; msg: string }[] = [];
  let counted = 0;
  const meter = Object.assign(Object.create(silent.meter), {
    createCounter: () => ({
      add: (count: number) => {
        counted += count;
      },
    }),
  });
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { report: logLockHolders({ knex: database.knex, log, meter }), lines, counted: () => counted };
}

test("the log says once whose transaction holds the row of an organization, and nothing of its statements", async () => {
  const { report, lines, counted } = open();
  const operator = openKnex(database.target, 1);
  const holder = await operator.transaction();
  try {
    await holder.raw("set application_name = 'an operator'");
    const { rows } = await holder.raw("select pg_backend_pid() as pid from organization where id = 'held' for update");
    // One that has only just begun may be about to end.
    const old = () =>
      database.knex.raw("select 1 from pg_stat_activity where pid = ? and xact_start < now() - interval '2 seconds'", [
        rows[0].pid,
      ]);
    await expect.poll(async () => (await old()).rows.length).toBe(1);
    report("held");
    report("held");
    report("another");
    await expect.poll(() => lines.length).toBe(2);
    const found = { pid: rows[0].pid, application: "an operator", state: "idle in transaction" };
    for (const { holders } of lines) expect(holders).toMatchObject([{ ...found, seconds: expect.any(Number) }]);
    expect(new Set(lines.map(({ organizationId }) => organizationId))).toEqual(new Set(["held", "another"])); // in any order
    expect(JSON.stringify(lines)).not.toContain("for update");
    expect(counted()).toBe(3);
  } finally {
    await holder.rollback();
    await operator.destroy();
  }
});

test("nobody is named when nobody holds one any more", async () => {
  const { report, lines } = open();
  report("held");
  await expect.poll(() => lines).toMatchObject([{ organizationId: "held", holders: [] }]);
});
