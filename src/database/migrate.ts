import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Knex } from "knex";
import { rejectReadOnly } from "./reject-read-only.ts";

interface Migration {
  readonly name: string;
  readonly sql: string;
  /** The SHA-256 of the file, in hexadecimal. */
  readonly checksum: string;
}

const ownFolder = fileURLToPath(new URL("migrations/", import.meta.url));

/** The id of the advisory lock that serializes migrations: arbitrary, not used by another program on the database. */
const migrationLock = 7_221_606_114;

/**
 * Applies the `*.sql` files of the folder (default: `migrations/`) in the order of their names, each once, all pending ones in
 * one transaction: a failed start leaves the database unchanged. Processes that start together wait for each other. Throws for
 * a read-only database, when an applied file has changed since, or when the database has a migration that this program does not
 * know: it was written by a newer version.
 *
 * Not Knex's own migrator: its lock is a row that a killed process leaves behind, a second process fails instead of waiting,
 * and it does not detect a changed file.
 */
export async function migrate(knex: Knex, folder: string = ownFolder): Promise<void> {
  const migrations = await readMigrations(folder);
  await knex.transaction(async (trx) => {
    await rejectReadOnly(trx);
    await trx.raw("set local statement_timeout = 0");
    await trx.raw("select pg_advisory_xact_lock(?)", [migrationLock]);
    await ensureTable(trx);
    const rows = await trx<{ name: string; checksum: string }>("migration").select("name", "checksum");
    const applied = new Map(rows.map(({ name, checksum }) => [name, checksum]));
    refuseForeign(migrations, applied);
    for (const migration of migrations) {
      if (!applied.has(migration.name)) await apply(trx, migration);
    }
  });
}

/** Creates the table of applied migrations. `if not exists` alone needs the right to create tables when it does exist too. */
async function ensureTable(trx: Knex.Transaction): Promise<void> {
  const { rows } = await trx.raw<{ rows: { missing: boolean }[] }>(
    "select to_regclass('migration') is null as missing",
  );
  if (rows[0]?.missing !== true) return;
  await trx.raw(`create table if not exists migration (
    name text primary key, checksum text not null, applied_at timestamptz not null default now())`);
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(folder, name), "utf8");
      return { name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}

function refuseForeign(migrations: readonly Migration[], applied: ReadonlyMap<string, string>): void {
  const known = new Map(migrations.map(({ name, checksum }) => [name, checksum]));
  for (const [name, checksum] of applied) {
    if (!known.has(name)) {
      throw new Error(
        `The database has migration ${name}, which this version does not know: a newer version has written it. Start that version, or restore a backup from before it`,
      );
    }
    if (known.get(name) !== checksum) {
      throw new Error(
        `Migration ${name} has changed since it was applied to this database: restore the file, and put the change in a new one`,
      );
    }
  }
}

async function apply(trx: Knex.Transaction, { name, sql, checksum }: Migration): Promise<void> {
  try {
    await trx.raw(sql.replaceAll("?", "\\?")); // Knex would read ? as a parameter
  } catch (cause) {
    throw new Error(`Migration ${name} failed: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  await trx("migration").insert({ name, checksum });
}
