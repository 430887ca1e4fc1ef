import { readFileSync } from "node:fs";
import type { Knex } from "knex";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { coalesce } from "../../concurrency/coalesce.ts";
import { withTimeout } from "../../concurrency/with-timeout.ts";
import { runPrepared } from "../../database/run-prepared.ts";
import { ApiError } from "../../errors/api-error.ts";
import type { EventType, StoredEvent } from "../log/event.ts";

/** A page of an organization's log: at most `limit` events after a revision. */
export interface PageRequest {
  readonly organizationId: string;
  readonly after: bigint;
  readonly limit: number;
}

/** The first events of a requested page, without gaps. */
export interface LogPage {
  /** The events of the reader's types. */
  readonly events: readonly Pick<StoredEvent, "revision" | "type" | "data">[];
  /** The last revision that was read, of any type; `after` when there is nothing new. */
  readonly revision: bigint;
}

/** Reads the event log from any revision. */
export interface LogReader {
  /** Returns the latest revision of each organization; an organization without events is missing. */
  latestRevisions(organizationIds: readonly string[]): Promise<ReadonlyMap<string, bigint>>;
  /** Returns the events after a revision. Throws ApiError WATCH_REVISION_INVALID when the log has a gap directly after it. */
  page(wanted: PageRequest): Promise<LogPage>;
}

interface Row {
  readonly ord: bigint;
  readonly revision: bigint | null;
  readonly type: EventType;
  readonly data: StoredEvent["data"] | null;
}

const statement = readFileSync(new URL("read-from-revision.sql", import.meta.url), "utf8");

/**
 * At most 20 pages are joined into a statement, two statements at a time: many subscriptions that catch up at once leave pool
 * connections for writes.
 */
const batching = { maxBatch: 20, maxRunning: 2, maxWaiting: 10_000 };

/**
 * Returns the reader. A database that is unresponsive for `answerMs` milliseconds counts as unavailable, because subscriptions
 * have no deadline of their own.
 */
export function createLogReader(options: { knex: Knex; types: readonly EventType[]; answerMs: number }): LogReader {
  const { knex, types, answerMs: timeoutMs } = options;
  return {
    async latestRevisions(organizationIds) {
      const statement = "select id, revision from organization where id = any (?::text[])";
      const answer = runPrepared<{ id: string; revision: bigint }>(knex, "latest-revisions", statement, [
        [...organizationIds],
      ]);
      const rows = await withTimeout(timeoutMs, answer);
      return new Map(rows.map(({ id, revision }) => [id, revision]));
    },
    page: coalesce<PageRequest, LogPage>((wanted) => withTimeout(timeoutMs, readPages(knex, types, wanted)), {
      ...batching,
      maxWaitMs: timeoutMs, // no subscription stops waiting earlier
    }),
  };
}

async function readPages(knex: Knex, types: readonly EventType[], wanted: readonly PageRequest[]) {
  const rows = await runPrepared<Row>(knex, "read-from-revision", statement, [
    [...types],
    wanted.map(({ organizationId }) => organizationId),
    wanted.map(({ after }) => String(after)),
    wanted.map(({ limit }) => limit),
  ]);
  const rowsOf = Map.groupBy(rows, ({ ord }) => Number(ord) - 1);
  return wanted.map(({ after }, index) => toPage(after, rowsOf.get(index) ?? []));
}

function toPage(after: bigint, rows: readonly Row[]): LogPage | ApiError {
  const events: LogPage["events"][number][] = [];
  let position = after;
  for (const { revision, type, data } of rows) {
    // Events before a gap are returned; reading on from there throws.
    if (revision !== position + 1n) return position > after ? { events, revision: position } : notInLog(after);
    position = revision;
    if (data !== null) events.push({ revision, type, data });
  }
  return { events, revision: position };
}

function notInLog(after: bigint): ApiError {
  return new ApiError(
    ErrorReason.WATCH_REVISION_INVALID,
    `the log does not have the change after revision ${after} any more: read the state again and start a new watch from now`,
  );
}
