import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Knex } from "knex";
import { inject } from "vitest";
import { type DatabaseAddress, openKnex } from "../../src/database/open-knex.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The migrated template. */
    postgres: DatabaseAddress;
  }
}

/** A new migrated database, a copy of the run's template: about 50 ms. `drop` ends its pool and removes it. */
export async function createTestDatabase(): Promise<{ knex: Knex; target: DatabaseAddress; drop(): Promise<void> }> {
  const template = inject("postgres");
  const target = { ...template, database: `test_${randomUUID().replaceAll("-", "")}` };
  await onServer("create database ?? template ??", [target.database, template.database]);
  const knex = openKnex(target, 10);
  return {
    knex,
    target,
    async drop() {
      await knex.destroy();
      await onServer("drop database ?? with (force)", [target.database]);
    },
  };
}

/** The unix socket of a database that listens on one. */
export function socketOf({ host, port }: DatabaseAddress): string {
  return join(host, `.s.PGSQL.${port}`);
}

/** A database cannot be made or removed from inside, nor in a transaction. */
async function onServer(sql: string, names: readonly string[]): Promise<void> {
  const knex = openKnex({ ...inject("postgres"), database: "postgres" }, 1);
  try {
    await knex.raw(sql, names);
  } finally {
    await knex.destroy();
  }
}
