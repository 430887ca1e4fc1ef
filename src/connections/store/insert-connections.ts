import type { Knex } from "knex";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";
import { type InsertedConnection, type NewConnection, toConnection } from "../connection-record.ts";
import { deterministicId } from "./deterministic-id.ts";
import { findConflicts } from "./find-conflicts.ts";
import { findIdempotentReplays } from "./find-idempotent-replays.ts";
import { insertBatch } from "./insert-batch.ts";

/** The number of attempts for a batch with a conflict that no longer exists when it is looked up. */
const attempts = 5;

/**
 * Writes each connection, or returns its error: CONNECTION_ALREADY_EXISTS with the id of the existing connection,
 * CONNECTION_ID_TAKEN, REQUEST_ID_REUSED, CANCELLED, QUEUE_FULL after the last attempt, or LockHeld for an organization whose
 * locks another transaction holds; the other organizations of the batch are written then. A replay under the same request_id
 * returns the result of the first request.
 */
export async function insertConnections(
  knex: Knex,
  given: readonly NewConnection[],
): Promise<(InsertedConnection | Error)[]> {
  const items = [...given];
  const results = new Array<InsertedConnection | Error>(items.length);
  let pending = [...items.keys()].filter((index) => {
    if (items[index]?.signal.aborted !== true) return true;
    results[index] = new ApiError(ErrorReason.CANCELLED, "the caller went away before the connection was written");
    return false;
  });
  for (let attempt = 0; pending.length > 0 && attempt < attempts; attempt += 1) {
    const batch = pending.map((index) => items[index] as NewConnection);
    const revisions = await insertBatch(knex, batch);
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
    results[index] = new ApiError(ErrorReason.QUEUE_FULL, "the pair connects and disconnects all the time: try again", {
      retryAfterMs: 250,
    });
  return results;
}

type Reason = InsertedConnection | Error | "OF_ANOTHER";

/**
 * Returns the reason for each connection that was not inserted; one without an entry has no conflict any more. A failed look-up
 * fails only these: the other rows of their batch are committed by then and keep their results.
 */
async function findReasons(knex: Knex, refused: readonly NewConnection[]): Promise<Map<NewConnection, Reason>> {
  try {
    const repeated = await findIdempotentReplays(knex, refused);
    const others = refused.filter((item) => !repeated.has(item));
    return new Map<NewConnection, Reason>([...repeated, ...(await findConflicts(knex, others))]);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return new Map(refused.map((item) => [item, error]));
  }
}

/**
 * Returns the connection with ids derived from the caller's user id too, which no other user's request can have: a request_id
 * belongs to its user. Only a later user of the same request_id gets them, so that events from before this rule are still
 * found, and the first user of a request_id costs one look-up less.
 */
function ofCaller(item: NewConnection): NewConnection {
  const { caller, record, idempotency } = item;
  if (idempotency === undefined) return item;
  const own = (what: "connection" | "event") =>
    deterministicId(what, caller.organizationId, idempotency.requestId, caller.userId);
  const id = idempotency.idDerived ? own("connection") : record.id;
  return { ...item, record: { ...record, id }, idempotency: { ...idempotency, eventId: own("event") } };
}
