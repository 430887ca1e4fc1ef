import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { type CoalesceLimits, coalesce } from "../../concurrency/coalesce.ts";
import { ApiError } from "../../errors/api-error.ts";
import type { InsertedConnection, NewConnection } from "../connection-record.ts";
import { LockHeld } from "./insert-batch.ts";

type Write = (connections: readonly NewConnection[]) => Promise<readonly (InsertedConnection | Error)[]>;

/** Limits of the queue of blocked organizations. One batch at a time: its lock may never be released. */
const apartLimits = { maxBatch: 128, maxRunning: 1, maxWaiting: 1000 };

/**
 * Joins creates of all organizations into batches. An organization whose locks another transaction holds (an operator's open
 * transaction, a server that was frozen inside of one) is marked as blocked: its creates run in a separate queue, one
 * organization at a time, until they are written. So a held lock delays the other organizations by one wait and not in each of
 * their batches.
 * The returned function throws QUEUE_FULL when the lock is still held. `waited` gets the time in the queue in milliseconds;
 * `lockHeld` is called for each batch of an organization that gave up.
 */
export function batchInserts(
  write: Write,
  limits: CoalesceLimits,
  { waited, lockHeld }: { readonly waited: (ms: number) => void; readonly lockHeld: (organizationId: string) => void },
): (connection: NewConnection, signal?: AbortSignal) => Promise<InsertedConnection> {
  const blocked = new Set<string>();
  const isBlocked = ({ caller }: NewConnection) => blocked.has(caller.organizationId);

  const together = coalesce<NewConnection, InsertedConnection>(
    async (all) => {
      // Creates that were in the queue before their organization was blocked are left out.
      const free = blocked.size === 0 ? all : all.filter((connection) => !isBlocked(connection));
      const found = free.length === 0 ? [] : await write(free);
      for (const [index, result] of found.entries())
        if (result instanceof LockHeld) blocked.add(free[index]?.caller.organizationId ?? "");
      if (free.length === all.length) return found;
      const results = new Map(
        free.map((connection, index) => [connection, found[index] as InsertedConnection | Error]),
      );
      return all.map((connection) => results.get(connection) ?? new LockHeld());
    },
    limits,
    waited,
  );

  const apart = coalesce<NewConnection, InsertedConnection>(async (all) => {
    const results = new Map<NewConnection, InsertedConnection | Error>();
    for (const [organizationId, own] of Map.groupBy(all, ({ caller }) => caller.organizationId)) {
      const found = await write(own);
      if (found.some((result) => result instanceof LockHeld)) lockHeld(organizationId);
      else blocked.delete(organizationId);
      for (const [index, connection] of own.entries())
        results.set(connection, found[index] as InsertedConnection | Error);
    }
    return all.map((connection) => {
      const result = results.get(connection) as InsertedConnection | Error;
      return result instanceof LockHeld ? refusal(result) : result;
    });
  }, apartLimits);

  return (connection, signal) => {
    if (isBlocked(connection)) return apart(connection, signal);
    return together(connection, signal).catch((error: unknown) => {
      if (error instanceof LockHeld) return apart(connection, signal);
      throw error;
    });
  };
}

function refusal(cause: LockHeld): ApiError {
  return new ApiError(
    ErrorReason.QUEUE_FULL,
    "the organization's writes wait for one that does not end, and nothing was written: try again in a moment",
    { retryAfterMs: 1000, cause },
  );
}
