import { types } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { isTransientError } from "../../src/database/is-transient-error.ts";
import { openKnex } from "../../src/database/open-knex.ts";
import { pingDatabase } from "../../src/database/ping.ts";
import { ApiError } from "../../src/errors/api-error.ts";
import { createTestDatabase } from "../support/postgres.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(() => database.drop());

test("int8 is a bigint both ways, timestamptz a Date, json what it holds", async () => {
  const { rows } = await database.knex.raw(
    `select ?::int8 as big, array[9007199254740993, null]::int8[] as bigs, '{}'::int8[] as none, count(*) as count,
      timestamptz '2026-01-02 03:04:05.678+00' as at, '{"a":[1]}'::json as json, '{"b":null}'::jsonb as jsonb`,
    ["9223372036854775807"],
  );
  expect(rows[0]).toEqual({
    big: 9_223_372_036_854_775_807n,
    bigs: [9_007_199_254_740_993n, null],
    none: [],
    count: 1n,
    at: new Date("2026-01-02T03:04:05.678Z"),
    json: { a: [1] },
    jsonb: { b: null },
  });
});

test("other users of pg in this process keep their own int8", () => {
  expect(types.getTypeParser(types.builtins.INT8)("1")).toBe("1");
});

test("a connection says who it is, and has a limit for a statement and for a transaction that does nothing", async () => {
  const { rows } = await database.knex.raw(
    `select current_setting('application_name') as name, current_setting('statement_timeout') as timeout,
      current_setting('idle_in_transaction_session_timeout') as idle`,
  );
  expect(rows).toEqual([{ name: "connectory", timeout: "30s", idle: "30s" }]);
});

test("a URL is a target too", async () => {
  const { host, port, user, database: name } = database.target;
  const url = `postgres://${user}@/${name}?host=${encodeURIComponent(host)}&port=${port}`;
  const knex = openKnex({ url }, 1);
  try {
    expect((await knex.raw("select current_database() as name")).rows).toEqual([{ name }]);
  } finally {
    await knex.destroy();
  }
});

test("a ping answers, and fails in time when no connection is free or no server is there", async () => {
  const knex = openKnex(database.target, 1);
  const nowhere = openKnex({ ...database.target, host: "/nowhere" }, 1);
  try {
    await pingDatabase(knex);
    const busy = await knex.transaction();
    await expect(pingDatabase(knex, 100)).rejects.toThrow("not answered in 100 ms");
    await busy.rollback();
    await pingDatabase(knex);
    await expect(pingDatabase(nowhere)).rejects.toThrow(/ENOENT/);
  } finally {
    await knex.destroy();
    await nowhere.destroy();
  }
});

test("who gets no connection in time has met a queue when others got one meanwhile, and else a database that is away", async () => {
  const knex = openKnex(database.target, 1);
  try {
    const { pool } = knex.client;
    const held = await knex.client.acquireConnection();
    pool.acquireTimeoutMillis = 1000;
    const alone = await knex.raw("select 1").catch((error: unknown) => error);
    expect(alone).toBeInstanceOf(Error);
    expect(alone).not.toBeInstanceOf(ApiError);
    expect(isTransientError(alone)).toBe(true);

    // The first in line gets the connection and keeps it.
    const first = knex.client.acquireConnection();
    const second = knex.raw("select 1").catch((error: unknown) => error);
    await knex.client.releaseConnection(held);
    const taken = await first;
    expect(await second).toMatchObject({ reason: ErrorReason.QUEUE_FULL, detail: { retryAfterMs: 1000 } });
    await knex.client.releaseConnection(taken);
    expect((await knex.raw("select 1 as one")).rows).toEqual([{ one: 1 }]);
  } finally {
    await knex.destroy();
  }
});

test("a ping fails while the database only reads, as a standby does", async () => {
  const knex = openKnex(database.target, 1);
  try {
    await knex.raw("set default_transaction_read_only = on");
    await expect(pingDatabase(knex)).rejects.toThrow("is set to read only");
    await knex.raw("set default_transaction_read_only = off");
    await pingDatabase(knex);
  } finally {
    await knex.destroy();
  }
});
