import { readFileSync } from "node:fs";
import type { Knex } from "knex";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { coalesce } from "../../concurrency/coalesce.ts";
import { withTimeout } from "../../concurrency/with-timeout.ts";
import { runPrepared } from "../../database/run-prepared.ts";
import { ApiError } from "../../errors/api-error.ts";
import type { EventType, StoredEvent } from "../log/event.ts";

/** Which events are wanted: those after a revision, at most so many. */
export interface PageRequest {
  readonly organizationId: string;
  readonly after: bigint;
  readonly limit: number;
}

/** The beginning of what was wanted, without gaps. */
export interface LogPage {
  /** Those of the types that were asked for. */
  readonly events: readonly Pick<StoredEvent, "revision" | "type" | "data">[];
  /** The last revision that was looked at, whatever its type; `after` when there is nothing new. */
  readonly revision: bigint;
}

/** Reads the event log from anywhere on. */
export interface LogReader {
  /** The revision that each organization has come to; one that never wrote is missing. */
  latestRevisions(organizationIds: readonly string[]): Promise<ReadonlyMap<string, bigint>>;
  /** Throws ApiError WATCH_REVISION_INVALID when the log does not have the very next event. */
  page(wanted: PageRequest): Promise<LogPage>;
}

interface Row {
  readonly ord: bigint;
  readonly revision: bigint | null;
  readonly type: EventType;
  readonly data: StoredEvent["data"] | null;
}

const statement = readFileSync(new URL("read-from-revision.sql", import.meta.url), "utf8");

/** Pages are gathered into a statement of at most 20, two at a time: many who catch up at once leave room for writes. */
const batching = { maxBatch: 20, maxRunning: 2, maxWaiting: 10_000 };

/** A database that says nothing for `timeoutMs` counts as away: no subscription has a deadline that would find it out. */
export function createLogReader(options: { knex: Knex; types: readonly EventType[]; answerMs: number }): LogReader {
  const { knex, types, answerMs: timeoutMs } = options;
  return {
    async latestRevisions(organizationIds) {
      const statement = "select id, revision from organization where id = any (?::text[])";
      const answer = runPrepared<{ id: string; revision: bigint }>(knex, "tail-heads", statement, [
        [...organizationIds],
      ]);
      const rows = await withTimeout(timeoutMs, answer);
      return new Map(rows.map(({ id, revision }) => [id, revision]));
    },
    page: coalesce<PageRequest, LogPage>((wanted) => withTimeout(timeoutMs, readPages(knex, types, wanted)), {
      ...batching,
      maxWaitMs: timeoutMs, // nobody stops waiting before
    }),
  };
}

async function readPages(knex: Knex, types: readonly EventType[], wanted: readonly PageRequest[]) {
  const rows = await runPrepared<Row>(knex, "tail-events", statement, [
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
    // What is before a gap is given; who reads on from there is told of it.
    if (revision !== position + 1n) return position > after ? { events, revision: position } : notInLog(after);
    position = revision;
    if (data !== null) events.push({ revision, type, data });
  }
  return { events, revision: position };
}

function notInLog(after: bigint): ApiError {
  return new ApiError(
    ErrorReason.WATCH_REVISION_INVALID,
    `the log does not have the change after revision ${after} any more: read the state anew and watch from now on`,
  );
}
