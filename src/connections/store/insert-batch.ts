import { randomUUIDv7 } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "knex";
import { isTransientError } from "../../database/is-transient-error.ts";
import { mayHaveCommitted } from "../../database/may-have-committed.ts";
import { runPrepared } from "../../database/run-prepared.ts";
import { ApiError } from "../../errors/api-error.ts";
import type { NewConnection } from "../connection-record.ts";
import { toConnectionJson } from "../connection-record.ts";
import { findCommitted } from "./find-committed.ts";

const statement = readFileSync(new URL("insert-connections.sql", import.meta.url), "utf8");

/** Another transaction holds a lock of the organization for longer than the wait limit; nothing was written. */
export class LockHeld extends Error {}

/** The revision of the write, the error, or undefined where a conflicting row exists. */
export type InsertOutcome = bigint | Error | undefined;

/** The rows of one statement. */
interface Batch {
  readonly items: readonly NewConnection[];
  /** The event id of each row; it identifies the row when the outcome of a statement is unknown. */
  readonly eventIds: string[];
}

/** A statement whose outcome is unknown. */
interface Lost {
  readonly error: Error;
  /** The time until which the outcome is looked for, by performance.now(). */
  readonly until: number;
}

/** The number of further attempts for a batch that met a deadlock. */
const attempts = 5;

/**
 * Milliseconds a batch waits for a lock. Batches wait for each other's commit, which takes milliseconds; PostgreSQL looks for
 * deadlocks only after 1 s.
 */
const longestLockMs = 1500;

/**
 * Milliseconds an organization's rows wait for a lock when they are sent alone: the other rows of the batch have waited
 * already.
 */
const aloneMs = 100;

/** The time for which the outcome of a lost statement is looked for, and the pause between two attempts, in milliseconds. */
const settleMs = 3000;
const pauseMs = 100;

/**
 * Writes a batch, each row independently. Returns the revision of each committed row, whatever happens to the other rows or to
 * the database connection, and undefined for a row with a conflicting pair or id.
 */
export function insertBatch(knex: Knex, items: readonly NewConnection[]): Promise<InsertOutcome[]> {
  const eventIds = items.map((item) => item.idempotency?.eventId ?? randomUUIDv7());
  return insertOrSplit(knex, { items, eventIds }, longestLockMs);
}

/** A row that the database rejects fails its whole statement, so the batch is halved until that row is alone. */
async function insertOrSplit(
  knex: Knex,
  batch: Batch,
  lockMs: number,
  lost?: Lost,
  attemptsLeft = attempts,
): Promise<InsertOutcome[]> {
  try {
    const outcomes = await insert(knex, batch, lockMs);
    return lost === undefined ? outcomes : await addWritten(knex, batch, outcomes);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (isDeadlock(error) && attemptsLeft > 0) return insertOrSplit(knex, batch, lockMs, lost, attemptsLeft - 1);
    if (isLockTimeout(error)) return insertByOrganization(knex, batch, lost);
    if (!isDataError(error)) return settle(knex, batch, lockMs, lost, error);
    const { length } = batch.items;
    if (length === 1) return [isRepeated(error) ? undefined : error];
    const middle = length >> 1;
    return [
      ...(await insertOrSplit(knex, part(batch, 0, middle), lockMs, lost)),
      ...(await insertOrSplit(knex, part(batch, middle, length), lockMs, lost)),
    ];
  }
}

function part({ items, eventIds }: Batch, from: number, to: number): Batch {
  return { items: items.slice(from, to), eventIds: eventIds.slice(from, to) };
}

/**
 * The outcomes for a statement that failed as a whole. A statement that may have committed is sent again with the same ids:
 * rows of the first one, also while it still runs, conflict and are found by their event ids. So nothing is written twice, and
 * a later successful statement shows which rows were written.
 */
async function settle(
  knex: Knex,
  batch: Batch,
  lockMs: number,
  before: Lost | undefined,
  error: Error,
): Promise<InsertOutcome[]> {
  if (before === undefined && !mayHaveCommitted(error)) return batch.items.map(() => error);
  const lost = before ?? { error, until: performance.now() + settleMs };
  const passing = isTransientError(error) || error instanceof LockHeld || error instanceof ApiError;
  if (!passing || performance.now() > lost.until) return batch.items.map(() => lost.error);
  if (before !== undefined) await sleep(pauseMs);
  return insertOrSplit(knex, batch, lockMs, lost);
}

/** Adds the revisions of rows that an earlier statement has written and this one has not. */
async function addWritten(knex: Knex, { items, eventIds }: Batch, outcomes: InsertOutcome[]): Promise<InsertOutcome[]> {
  const refused = [...items.keys()].filter((index) => outcomes[index] === undefined);
  const organizationIds = refused.map((index) => items[index]?.caller.organizationId ?? "");
  const written = await findCommitted(
    knex,
    organizationIds,
    refused.map((index) => eventIds[index] ?? ""),
  );
  return items.map((_, index) => outcomes[index] ?? written.get(eventIds[index] ?? ""));
}

/** The error does not name the organization whose lock is held, so each organization is written alone. */
async function insertByOrganization(knex: Knex, batch: Batch, lost: Lost | undefined): Promise<InsertOutcome[]> {
  const { items, eventIds } = batch;
  const groups = Map.groupBy(items.keys(), (index) => items[index]?.caller.organizationId);
  if (groups.size === 1)
    return lost === undefined ? items.map(() => new LockHeld()) : settle(knex, batch, aloneMs, lost, new LockHeld());
  const outcomes = new Array<InsertOutcome>(items.length);
  for (const indexes of groups.values()) {
    const own = {
      items: indexes.map((index) => items[index] as NewConnection),
      eventIds: indexes.map((index) => eventIds[index] as string),
    };
    const found = await insertOrSplit(knex, own, aloneMs, lost);
    for (const [position, index] of indexes.entries()) outcomes[index] = found[position];
  }
  return outcomes;
}

async function insert(knex: Knex, { items, eventIds }: Batch, lockMs: number): Promise<InsertOutcome[]> {
  // Knex's types do not know that an array may hold null.
  const column = (value: (item: NewConnection) => string | null) => items.map(value) as string[];
  const rows = await runPrepared<{ ord: bigint; revision: bigint }>(knex, "insert-connections", statement, [
    column(({ caller }) => caller.organizationId),
    column((item) => item.record.id),
    column((item) => item.record.userId1),
    column((item) => item.record.userId2),
    column((item) => item.record.connectedSince.toISOString()),
    column((item) => item.record.createdAt.toISOString()),
    column((item) => item.record.owner),
    eventIds,
    column(({ caller }) => caller.requestId),
    column(({ caller }) => caller.traceparent ?? null),
    column(({ caller }) => caller.tracestate ?? null),
    column((item) => JSON.stringify({ connection: toConnectionJson(item.record) })),
    String(lockMs),
  ]);
  const outcomes = new Array<InsertOutcome>(items.length);
  for (const { ord, revision } of rows) outcomes[Number(ord) - 1] = revision;
  return outcomes;
}

/**
 * Batches are sorted by pair, so only ids chosen by callers can cause one: two batches each wait for an id that the other has
 * inserted. The database aborts one of the two, which has then written nothing.
 */
function isDeadlock(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "40P01";
}

/** SQLSTATE lock_not_available: lock_timeout has passed. */
function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "55P03";
}

/** Pair and id have no conflict, but an event of the same request_id exists. */
function isRepeated(error: Error): boolean {
  return "constraint" in error && error.constraint === "event_of_request";
}

/** SQLSTATE class 22 (data exception) or 23 (constraint violation): caused by the row, not by the server. */
function isDataError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && typeof error.code === "string" && /^2[23]/.test(error.code);
}
