import { randomUUIDv7 } from "node:crypto";
import type { Knex } from "knex";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NewConnection } from "../../../src/connections/connection-record.ts";
import { archiveConnection } from "../../../src/connections/store/archive-connection.ts";
import { checkPairs } from "../../../src/connections/store/check-pairs.ts";
import { countUserConnections } from "../../../src/connections/store/count-user-connections.ts";
import { findConflicts } from "../../../src/connections/store/find-conflicts.ts";
import { findConnections } from "../../../src/connections/store/find-connections.ts";
import { listMutualUsers } from "../../../src/connections/store/list-mutual-users.ts";
import { listUserConnections } from "../../../src/connections/store/list-user-connections.ts";
import { openKnex } from "../../../src/database/open-knex.ts";
import { createTestDatabase } from "../../support/postgres.ts";

/** As many for each of two users, a third of them with ids before, between and after the ids of the two. */
const connections = 3000;
const both = Array.from({ length: connections }, (_, index) => `${"amz"[index % 3]}-${index}`);
const users = { userId: "h", otherUserId: "q" };
const organizationId = "new";
const pairs = both.map((other) => {
  const [userId1 = "", userId2 = ""] = ["h", other].toSorted();
  return { userId1, userId2 };
});

const many = `insert into connection select 'old-' || n, gen_random_uuid(), 'u' || n, 'v' || n, now(), true, 1, now(), now(), null, 'o'
  from generate_series(1, 20000) as n`;
const fewLarge = `insert into connection select 'old-' || n % 3, gen_random_uuid(), 'u' || n % 90, 'v' || n, now(), true, 1, now(), now(), null, 'o'
  from generate_series(1, 20000) as n`;

/** What the planner knows when the organization's connections are read. */
const states = [
  { name: "nothing was ever analyzed", before: "", after: "" },
  { name: "many small organizations were analyzed, and then the new one came", before: many, after: "" },
  { name: "a few large organizations were analyzed, and then the new one came", before: fewLarge, after: "" },
  { name: "the new organization was analyzed among small ones", before: many, after: "analyze connection" },
  { name: "the new organization was analyzed, being the only one", before: "", after: "analyze connection" },
];

describe.each(states)("what is read when $name", ({ before, after }) => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let knex: Knex;
  let ids: readonly string[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
    knex = openKnex(database.target, 1); // whose counts are flushed below
    await knex.raw("alter table connection set (autovacuum_enabled = off)");
    await readAll(7); // what is prepared has the plan of an empty table from now on
    if (before !== "") await knex.raw(before);
    if (before !== "") await knex.raw("analyze connection");
    for (const user of Object.values(users)) await connect(user);
    if (after !== "") await knex.raw(after);
    ids = await knex("connection").where({ organization_id: organizationId }).pluck<string[]>("id");
  });
  afterAll(async () => {
    await knex.destroy();
    await database.drop();
  });

  const connect = (user: string) =>
    knex.raw(
      `insert into connection
       select ?, gen_random_uuid(), least(u, other), greatest(u, other), now(), true, 1, now(), now(), null, 'o'
       from (select cast(? as text) collate "C" as u, unnest(?::text[]) collate "C" as other) as pair`,
      [organizationId, user, both],
    );
  const mutual = (limit: number, start = "") =>
    listMutualUsers(knex, { organizationId, ...users, limit, after: start }).then((rows) =>
      rows.map(({ userId }) => userId),
    );
  const check = (some: typeof pairs) => checkPairs(knex, { organizationId, pairs: some });
  const find = (some: typeof pairs) =>
    findConnections(
      knex,
      some.map((pair) => ({ organizationId, ...pair })),
    );
  const findById = (some: typeof pairs) =>
    findConnections(
      knex,
      some.map((_, index) => ({ organizationId, id: ids[index] ?? randomUUIDv7() })),
    );
  const conflicts = (some: typeof pairs) => {
    const items = some.map((pair) => ({ caller: { organizationId }, record: { id: randomUUIDv7(), ...pair } }));
    return findConflicts(knex, items as unknown as NewConnection[]);
  };
  const readAll = async (times: number) => {
    const some = pairs.slice(0, 1);
    for (let time = 0; time < times; time += 1)
      await Promise.all([mutual(1), check(some), find(some), findById(some), conflicts(some)]);
  };

  /** How many entries of its indexes and rows of the table were read by what was run. */
  const readBy = async (run: () => Promise<unknown>): Promise<number> => {
    const read = async () => {
      await knex.raw("select pg_stat_force_next_flush()");
      const { rows } = await knex.raw<{ rows: { read: number }[] }>(
        `select cast((select sum(idx_tup_read) from pg_stat_user_indexes where relname = 'connection')
           + (select seq_tup_read from pg_stat_user_tables where relname = 'connection') as float8) as read`,
      );
      return rows[0]?.read ?? Number.NaN;
    };
    const start = await read();
    await run();
    return (await read()) - start;
  };

  test("ListMutualConnections reads each list a few times, and not one for each connection of the other", async () => {
    const wanted = both.toSorted();
    expect(await mutual(connections + 1)).toEqual(wanted);
    for (const start of ["", "m-1", "z-1"]) {
      const page = wanted.filter((id) => id > start).slice(0, 51);
      expect(await mutual(51, start)).toEqual(page);
      expect(await readBy(() => mutual(51, start))).toBeLessThan(6 * connections);
    }
    expect(await readBy(() => mutual(connections + 1))).toBeLessThan(10 * connections);
  });

  test.each([
    ["BatchCheckConnections", check],
    ["GetConnection by pair", find],
    ["GetConnection by id", findById],
    ["a create that meets a connection", conflicts],
  ] as const)("%s reads a row for each pair", async (_, run) => {
    for (
      let time = 0;
      time < 7;
      time += 1 // also once the plan is one for all values
    )
      expect(await readBy(() => run(pairs.slice(0, 200)))).toBeLessThan(20 * 200);
    const found = await run(pairs.slice(0, 200));
    expect([...found.values()].filter((one) => one !== undefined)).toHaveLength(200);
  });

  test.each([
    [
      "ListConnections",
      () => listUserConnections(knex, { organizationId, userId: "m-1", limit: 51, cursor: undefined }),
    ],
    ["CountConnections", () => countUserConnections(knex, { organizationId, userId: "m-1" })],
    [
      "DeleteConnection",
      () =>
        archiveConnection(
          knex,
          { organizationId, userId: "alice", requestId: "call-1" },
          { id: ids[0] ?? "", participant: undefined },
        ),
    ],
  ] as const)("%s of a user with two connections reads no others", async (_, run) => {
    for (let time = 0; time < 7; time += 1) expect(await readBy(run)).toBeLessThan(40);
  });
});
