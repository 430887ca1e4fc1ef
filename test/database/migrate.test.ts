import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { migrate } from "../../src/database/migrate.ts";
import { openKnex } from "../../src/database/open-knex.ts";
import { createTestDatabase } from "../support/postgres.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let folder: string;

beforeEach(async () => {
  database = await createTestDatabase();
  await database.knex.raw("drop schema public cascade");
  await database.knex.raw("create schema public");
  folder = await mkdtemp(join(tmpdir(), "connectory-migrations-"));
  await writeFile(
    join(folder, "0001_one.sql"),
    "create table one (n int); -- is this a parameter? No\ninsert into one values (1);",
  );
  await writeFile(join(folder, "0002_two.sql"), "insert into one values (2);");
});

afterEach(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const applied = async () => await database.knex("migration").orderBy("name").pluck("name");
const rows = async () => await database.knex("one").orderBy("n").pluck("n");

test("the real ones apply to an empty database", async () => {
  await migrate(database.knex);
  expect(await applied()).toContain("0001_first.sql");
  expect(await database.knex("connection").count()).toEqual([{ count: 0n }]);
});

test("each is applied once, in the order of the names", async () => {
  await migrate(database.knex, folder);
  await migrate(database.knex, folder);
  expect(await applied()).toEqual(["0001_one.sql", "0002_two.sql"]);
  expect(await rows()).toEqual([1, 2]);
});

test("processes that start together apply them once", async () => {
  const pools = Array.from({ length: 6 }, () => openKnex(database.target, 1));
  try {
    await Promise.all(pools.map((knex) => migrate(knex, folder)));
  } finally {
    for (const knex of pools) await knex.destroy();
  }
  expect(await rows()).toEqual([1, 2]);
});

test("one that fails is named and leaves nothing behind", async () => {
  await writeFile(join(folder, "0003_three.sql"), "insert into one values (3); select 1/0;");
  await expect(migrate(database.knex, folder)).rejects.toThrow("Migration 0003_three.sql failed: ");
  expect(await database.knex.schema.hasTable("one")).toBe(false);
  expect(await database.knex.schema.hasTable("migration")).toBe(false);
});

test("one that has changed since is refused before anything is applied", async () => {
  await migrate(database.knex, folder);
  await writeFile(join(folder, "0002_two.sql"), "insert into one values (22);");
  await writeFile(join(folder, "0003_three.sql"), "insert into one values (3);");
  await expect(migrate(database.knex, folder)).rejects.toThrow("Migration 0002_two.sql has changed");
  expect(await rows()).toEqual([1, 2]);
});

test("a database of a newer version is refused", async () => {
  await writeFile(join(folder, "0009_later.sql"), "select 1");
  await migrate(database.knex, folder);
  await rm(join(folder, "0009_later.sql"));
  await expect(migrate(database.knex, folder)).rejects.toThrow(
    "has migration 0009_later.sql, which this version does not know",
  );
});
