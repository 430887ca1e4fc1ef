import { randomUUIDv7 } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Knex } from "knex";
import { runPrepared } from "../../database/run-prepared.ts";
import type { StoredEvent } from "./event.ts";

/** An event to be logged: the log assigns its id and its revision. */
export interface NewEvent
  extends Pick<StoredEvent, "type" | "subject" | "key" | "actor" | "requestId" | "occurredAt" | "data"> {
  /** Default: none; stored as null. */
  readonly traceparent?: string | undefined;
  /** Default: none; stored as null. */
  readonly tracestate?: string | undefined;
}

/** An event and its organization. */
export interface AddressedEvent {
  readonly organizationId: string;
  readonly event: NewEvent;
}

const statement = readFileSync(new URL("append-events.sql", import.meta.url), "utf8");

/**
 * Appends the event under the organization's next revision, inside the given transaction, so that a write and its event are
 * committed together or not at all. Returns the revision.
 *
 * The organization's row stays locked until the commit, so commit order is revision order; call this last, to hold the lock
 * briefly.
 */
export async function appendEvent(trx: Knex.Transaction, organizationId: string, event: NewEvent): Promise<bigint> {
  const [revision] = await appendEvents(trx, [{ organizationId, event }]);
  if (revision === undefined) throw new Error("the event log took no event");
  return revision;
}

/** Appends events of any organizations in one statement; all are logged or none. Returns their revisions. */
export async function appendEvents(knex: Knex, items: readonly AddressedEvent[]): Promise<bigint[]> {
  // Knex's types do not know that an array may hold null.
  const column = (value: (event: NewEvent) => string | null) => items.map(({ event }) => value(event)) as string[];
  const rows = await runPrepared<{ revision: bigint }>(knex, "append-events", statement, [
    items.map(({ organizationId }) => organizationId),
    column(() => randomUUIDv7()),
    column(({ type }) => type),
    column(({ subject }) => subject),
    column(({ key }) => key),
    column(({ actor }) => actor),
    column(({ requestId }) => requestId),
    column(({ traceparent }) => traceparent ?? null),
    column(({ tracestate }) => tracestate ?? null),
    column(({ occurredAt }) => occurredAt.toISOString()),
    column(({ data }) => JSON.stringify(data)),
  ]);
  return rows.map(({ revision }) => revision);
}
