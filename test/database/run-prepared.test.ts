import type { Knex } from "knex";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { isTransientError } from "../../src/database/is-transient-error.ts";
import { openKnex } from "../../src/database/open-knex.ts";
import { runPrepared } from "../../src/database/run-prepared.ts";
import { runTransaction } from "../../src/database/run-transaction.ts";
import { toUrl } from "../support/app.ts";
import { createTestDatabase } from "../support/postgres.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let one: Knex;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
afterEach(() => one.destroy());
beforeEach(async () => {
  one = openKnex(database.target, 1);
  await database.knex.raw("drop table if exists thing; create table thing (id int); insert into thing values (1)");
});

const readThings = (knex: Knex) => runPrepared(knex, "read-things", "select * from thing where id = ?", [1]);
const insertThing = (knex: Knex, id: number) =>
  runPrepared(knex, "insert-thing", "insert into thing (id) values (?) returning *", [id]);
const addColumn = () => database.knex.raw("alter table thing add column note text");

async function preparedOn(knex: Knex): Promise<string[]> {
  return (await knex.raw("select name from pg_prepared_statements order by prepare_time")).rows.map(
    ({ name }: { name: string }) => name,
  );
}

test("a statement whose answer has other columns since a migration is run again, and prepared again", async () => {
  await readThings(one);
  await addColumn();
  expect(await readThings(one)).toEqual([{ id: 1, note: null }]);
  expect(await readThings(one)).toEqual([{ id: 1, note: null }]);
  expect(await preparedOn(one)).toEqual(["read-things", "read-things.1"]);
});

test("on every connection, and a write is done once", async () => {
  const { knex } = database;
  const all = <T>(run: (index: number) => Promise<T>) => Promise.all(Array.from({ length: 10 }, (_, i) => run(i)));
  await all((index) => insertThing(knex, 100 + index));
  await addColumn();
  const written = await all((index) => insertThing(knex, 200 + index));
  expect(written).toEqual(Array.from({ length: 10 }, (_, index) => [{ id: 200 + index, note: null }]));
  expect((await knex("thing").where("id", ">=", 200)).length).toBe(10);
});

test("a transaction with several of them is repeated as a whole, and one that nobody repeats can be sent again later", async () => {
  await readThings(one);
  await insertThing(one, 5);
  await addColumn();
  const error = await one.transaction((trx) => readThings(trx)).catch((thrown: unknown) => thrown);
  expect([String(error), isTransientError(error)]).toEqual([expect.stringContaining("cached plan"), true]);

  await database.knex.raw("alter table thing add column more text");
  const found = await runTransaction(one, async (trx) => {
    await trx("thing").insert({ id: 6 });
    await insertThing(trx, 7);
    return readThings(trx);
  });
  expect(found).toEqual([{ id: 1, note: null, more: null }]);
  expect(await database.knex("thing").whereIn("id", [6, 7]).orderBy("id").pluck("id")).toEqual([6, 7]);
});

test("what a pooler has lost is run again", async () => {
  await readThings(one);
  await one.raw("deallocate all");
  expect(await readThings(one)).toEqual([{ id: 1 }]);
  await one.raw('prepare "find-thing" as select 1');
  const findThing = () => runPrepared(one, "find-thing", "select id from thing where id = ?", [1]);
  expect(await findThing()).toEqual([{ id: 1 }]);
  expect(await findThing()).toEqual([{ id: 1 }]);
});

test("what is lost all the time is not prepared any more, which is said once", async () => {
  const lines: string[] = [];
  const knex = openKnex(database.target, 1, pino({}, { write: (line: string) => void lines.push(line) }));
  try {
    for (let round = 0; round < 110; round += 1) {
      expect(await readThings(knex)).toEqual([{ id: 1 }]);
      expect(await readThings(knex)).toEqual([{ id: 1 }]);
      await knex.raw("deallocate all");
    }
    await readThings(knex);
    expect(await preparedOn(knex)).toEqual([]);
    expect(lines).toEqual([expect.stringContaining("set DATABASE_PREPARE=off")]);
  } finally {
    await knex.destroy();
  }
});

test("where nothing is prepared a session keeps no statement and no setting", async () => {
  const knex = openKnex({ url: toUrl(database.target), prepare: false }, 1);
  try {
    expect(await readThings(knex)).toEqual([{ id: 1 }]);
    await addColumn();
    expect(await readThings(knex)).toEqual([{ id: 1, note: null }]);
    expect(await knex.transaction((trx) => readThings(trx))).toHaveLength(1);
    expect(await preparedOn(knex)).toEqual([]);
    const changed = await knex.raw("select name from pg_settings where source = 'session' and name like '%timeout'");
    expect(changed.rows).toEqual([]);
  } finally {
    await knex.destroy();
  }
});
