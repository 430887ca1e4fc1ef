import { randomUUIDv7 } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Knex } from "knex";
import type { Connection } from "../../gen/connectory/v1/connection_pb.js";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { runPrepared } from "../database/run-prepared.ts";
import { Failure } from "../failure.ts";
import type { Caller } from "../interceptors/caller.ts";
import { type ConnectionRecord, toConnection, toConnectionJson } from "./connection-record.ts";
import { deriveId } from "./derive-id.ts";
import { findConflicts } from "./find-conflicts.ts";
import { findRepeated } from "./find-repeated.ts";

/** A connection to be written, and by whom. */
export interface NewConnection {
  readonly caller: Caller;
  readonly record: ConnectionRecord;
  /** A call whose caller has gone before its batch starts is not written. */
  readonly signal: AbortSignal;
  /** Set for a create under a request_id. */
  readonly repeatable?: {
    readonly requestId: string;
    /** Made from the request_id. */
    readonly eventId: string;
    /** True when the id of the connection is made from it too. */
    readonly idDerived: boolean;
    /** True when the request did not say since when the two are connected. */
    readonly sinceNow: boolean;
  };
}

/** The organization's revision that the write took, and what was written when that is not the given record. */
export type Written = { readonly revision: bigint; readonly first?: Connection };

const statement = readFileSync(new URL("insert-connections.sql", import.meta.url), "utf8");

/** Somebody holds what the organization's write needs, for longer than is waited for; nothing was written. */
export class LockHeld extends Error {}

/** How often a batch is tried again that met a deadlock, or a pair that was in the way and then was not. */
const attempts = 5;

/** Batches wait for each other's commit, which takes milliseconds; and deadlocks are only looked for after 1 s. */
const longestLockMs = 1500;

/** For who is tried alone after that: the others of the batch have waited already. */
const aloneMs = 100;

/**
 * Writes each connection or says why not: ALREADY_EXISTS with the id that is in the way. A create that was written before
 * under the same request_id is answered as it was then. LockHeld is the answer for an organization whose locks somebody holds; the others of the batch are written then.
 */
export async function insertConnections(knex: Knex, given: readonly NewConnection[]): Promise<(Written | Error)[]> {
  const items = [...given];
  const results = new Array<Written | Error>(items.length);
  let pending = [...items.keys()].filter((index) => {
    if (items[index]?.signal.aborted !== true) return true;
    results[index] = new Failure(ErrorReason.CANCELLED, "the caller went away before the connection was written");
    return false;
  });
  for (let attempt = 0; pending.length > 0 && attempt < attempts; attempt += 1) {
    const batch = pending.map((index) => items[index] as NewConnection);
    const revisions = await insertOrSplit(knex, batch, longestLockMs);
    const refused = batch.filter((_, position) => revisions[position] === undefined);
    const found = await findReasons(knex, refused);
    pending = pending.filter((index, position) => {
      const item = items[index] as NewConnection;
      const outcome = revisions[position] ?? found.get(item);
      if (outcome === undefined) return true;
      if (outcome === "OF_ANOTHER") {
        items[index] = ofCaller(item);
        return true;
      }
      if (typeof outcome !== "bigint") results[index] = outcome;
      else if (item === given[index]) results[index] = { revision: outcome };
      else results[index] = { revision: outcome, first: toConnection(item.record) };
      return false;
    });
  }
  for (const index of pending)
    results[index] = new Failure(ErrorReason.QUEUE_FULL, "the pair connects and disconnects all the time: try again", {
      retryAfterMs: 250,
    });
  return results;
}

type Reason = Written | Error | "OF_ANOTHER";

/**
 * What was in the way of each that was not inserted; missing: nothing is any more. A look-up that fails is the failure of
 * those alone: the others of their batch are committed by then and answered as that.
 */
async function findReasons(knex: Knex, refused: readonly NewConnection[]): Promise<Map<NewConnection, Reason>> {
  try {
    const repeated = await findRepeated(knex, refused);
    const others = refused.filter((item) => !repeated.has(item));
    return new Map<NewConnection, Reason>([...repeated, ...(await findConflicts(knex, others))]);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return new Map(refused.map((item) => [item, error]));
  }
}

/**
 * The same under ids of the caller's own, which other users of the organization cannot have taken: a request_id belongs to
 * its user. Only who comes second gets them, so that what was written before there were any is found as before, and a create
 * under a request_id that nobody else has used costs one look-up less.
 */
function ofCaller(item: NewConnection): NewConnection {
  const { caller, record, repeatable } = item;
  if (repeatable === undefined) return item;
  const own = (what: "connection" | "event") =>
    deriveId(what, caller.organizationId, repeatable.requestId, caller.userId);
  const id = repeatable.idDerived ? own("connection") : record.id;
  return { ...item, record: { ...record, id }, repeatable: { ...repeatable, eventId: own("event") } };
}

type Outcome = bigint | Error | undefined;

/** A row that the database refuses fails its whole statement, so the batch is halved until the row stands alone. */
async function insertOrSplit(
  knex: Knex,
  items: readonly NewConnection[],
  lockMs: number,
  triesLeft = attempts,
): Promise<Outcome[]> {
  try {
    return await insert(knex, items, lockMs);
  } catch (error) {
    if (isDeadlock(error) && triesLeft > 0) return insertOrSplit(knex, items, lockMs, triesLeft - 1);
    if (isLockTimeout(error)) return insertByOrganization(knex, items);
    if (!isDataError(error)) throw error;
    if (items.length === 1) return [isRepeated(error) ? undefined : error];
    const middle = items.length >> 1;
    return [
      ...(await insertOrSplit(knex, items.slice(0, middle), lockMs)),
      ...(await insertOrSplit(knex, items.slice(middle), lockMs)),
    ];
  }
}

/** The database does not say whose lock it was, so each organization is tried alone. */
async function insertByOrganization(knex: Knex, items: readonly NewConnection[]): Promise<Outcome[]> {
  const groups = Map.groupBy(items.keys(), (index) => items[index]?.caller.organizationId);
  if (groups.size === 1) return items.map(() => new LockHeld());
  const outcomes = new Array<Outcome>(items.length);
  for (const indexes of groups.values()) {
    const own = indexes.map((index) => items[index] as NewConnection);
    const found = await insertOrSplit(knex, own, aloneMs);
    for (const [position, index] of indexes.entries()) outcomes[index] = found[position];
  }
  return outcomes;
}

async function insert(knex: Knex, items: readonly NewConnection[], lockMs: number): Promise<Outcome[]> {
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
    column((item) => item.repeatable?.eventId ?? randomUUIDv7()),
    column(({ caller }) => caller.requestId),
    column(({ caller }) => caller.traceparent ?? null),
    column(({ caller }) => caller.tracestate ?? null),
    column((item) => JSON.stringify({ connection: toConnectionJson(item.record) })),
    String(lockMs),
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
