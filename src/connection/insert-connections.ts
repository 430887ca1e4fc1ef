import { randomUUIDv7 } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Knex } from "knex";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { runPrepared } from "../database/run-prepared.ts";
import { Failure } from "../failure.ts";
import type { Caller } from "../interceptors/caller.ts";
import { type ConnectionRecord, toConnectionJson } from "./connection-record.ts";
import { findConflicts } from "./find-conflicts.ts";

/** A connection to be written, and by whom. */
export interface NewConnection {
  readonly caller: Caller;
  readonly record: ConnectionRecord;
  /** A call whose caller has gone before its batch starts is not written. */
  readonly signal: AbortSignal;
}

/** The organization's revision that the write took. */
export type Written = { readonly revision: bigint };

const statement = readFileSync(new URL("insert-connections.sql", import.meta.url), "utf8");

/** How often a batch is tried again that met a deadlock, or a pair that was in the way and then was not. */
const attempts = 5;

/** Writes each connection or says why not: ALREADY_EXISTS with the id that is in the way. */
export async function insertConnections(knex: Knex, items: readonly NewConnection[]): Promise<(Written | Error)[]> {
  const results = new Array<Written | Error>(items.length);
  let pending = [...items.keys()].filter((index) => {
    if (items[index]?.signal.aborted !== true) return true;
    results[index] = new Failure(ErrorReason.CANCELLED, "the caller went away before the connection was written");
    return false;
  });
  for (let attempt = 0; pending.length > 0 && attempt < attempts; attempt += 1) {
    const batch = pending.map((index) => items[index] as NewConnection);
    const revisions = await insertOrSplit(knex, batch);
    const refused = batch.filter((_, position) => revisions[position] === undefined);
    const conflicts = await findConflicts(knex, refused);
    pending = pending.filter((index, position) => {
      const outcome = revisions[position] ?? conflicts.get(items[index] as NewConnection);
      if (outcome === undefined) return true;
      results[index] = typeof outcome === "bigint" ? { revision: outcome } : outcome;
      return false;
    });
  }
  for (const index of pending)
    results[index] = new Failure(ErrorReason.QUEUE_FULL, "the pair connects and disconnects all the time: try again", {
      retryAfterMs: 250,
    });
  return results;
}

type Outcome = bigint | Error | undefined;

/** A row that the database refuses fails its whole statement, so the batch is halved until the row stands alone. */
async function insertOrSplit(knex: Knex, items: readonly NewConnection[], triesLeft = attempts): Promise<Outcome[]> {
  try {
    return await insert(knex, items);
  } catch (error) {
    if (isDeadlock(error) && triesLeft > 0) return insertOrSplit(knex, items, triesLeft - 1);
    if (!isDataError(error)) throw error;
    if (items.length === 1) return [error];
    const middle = items.length >> 1;
    return [
      ...(await insertOrSplit(knex, items.slice(0, middle))),
      ...(await insertOrSplit(knex, items.slice(middle))),
    ];
  }
}

async function insert(knex: Knex, items: readonly NewConnection[]): Promise<Outcome[]> {
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
    column(() => randomUUIDv7()),
    column(({ caller }) => caller.requestId),
    column(({ caller }) => caller.traceparent ?? null),
    column((item) => JSON.stringify({ connection: toConnectionJson(item.record) })),
  ]);
  const outcomes = new Array<Outcome>(items.length);
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

/** SQLSTATE class 22 (data exception) or 23 (constraint violation): the row's fault, not the server's. */
function isDataError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && typeof error.code === "string" && /^2[23]/.test(error.code);
}
