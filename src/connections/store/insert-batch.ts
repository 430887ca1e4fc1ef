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

/** Somebody holds what the organization's write needs, for longer than is waited for; nothing was written. */
export class LockHeld extends Error {}

/** The revision of what was written, why it was not, or undefined where something was in the way. */
export type InsertOutcome = bigint | Error | undefined;

/** The rows of one statement. */
interface Batch {
  readonly items: readonly NewConnection[];
  /** The id of each one's event: by it a row is known again when nobody has said whether it was written. */
  readonly eventIds: string[];
}

/** The end of a statement that nobody has heard of. */
interface Lost {
  readonly error: Error;
  /** For how long it is asked for, by performance.now(). */
  readonly until: number;
}

/** How often a batch is tried again that met a deadlock. */
const attempts = 5;

/** Batches wait for each other's commit, which takes milliseconds; and deadlocks are only looked for after 1 s. */
const longestLockMs = 1500;

/** For who is tried alone after that: the others of the batch have waited already. */
const aloneMs = 100;

/** How long the end of a lost statement is asked for, and the pause between two times. */
const settleMs = 3000;
const pauseMs = 100;

/**
 * Writes a batch, each of it or not: what was committed is answered with its revision, whatever happens to the rest or to the
 * connection. Undefined: a pair or an id was in the way.
 */
export function insertBatch(knex: Knex, items: readonly NewConnection[]): Promise<InsertOutcome[]> {
  const eventIds = items.map((item) => item.idempotency?.eventId ?? randomUUIDv7());
  return insertOrSplit(knex, { items, eventIds }, longestLockMs);
}

/** A row that the database refuses fails its whole statement, so the batch is halved until the row stands alone. */
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
 * The answer for a statement that failed as a whole. Where it may have been committed it is sent again, with the same ids: what the
 * first has written is in the way then, also while the first still runs, and is found by its event. So nothing is written twice, and
 * once it has come through it is known what was written.
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

/** What an earlier statement has written of those that were not written now. */
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

/** The database does not say whose lock it was, so each organization is tried alone. */
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
 * Batches are sorted by pair, so only ids of the callers' choice can cross: one batch waits for an id of another that
 * waits for an id of the first. The database ends one of the two, which has then written nothing.
 */
function isDeadlock(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "40P01";
}

/** SQLSTATE lock_not_available: lock_timeout has passed. */
function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "55P03";
}

/** The pair and the id were free, but something was written before under the request_id. */
function isRepeated(error: Error): boolean {
  return "constraint" in error && error.constraint === "event_of_request";
}

/** SQLSTATE class 22 (data exception) or 23 (constraint violation): the row's fault, not the server's. */
function isDataError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && typeof error.code === "string" && /^2[23]/.test(error.code);
}
