import { randomUUIDv7 } from "node:crypto";
import type { Knex } from "knex";
import type { StoredEvent } from "./event.ts";

/** An event that is about to be logged: the log gives it its id and its revision. */
export interface NewEvent
  extends Pick<StoredEvent, "type" | "subject" | "key" | "actor" | "requestId" | "occurredAt" | "data"> {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

/**
 * Takes the organization's next revision and logs the event under it, inside the caller's transaction, so that a write
 * and its event are committed together or not at all. Returns the revision.
 *
 * The organization's row stays locked until the commit. That is what makes commit order revision order; call this last,
 * so that the lock is held briefly.
 */
export async function appendEvent(trx: Knex.Transaction, organizationId: string, event: NewEvent): Promise<bigint> {
  const { rows } = await trx.raw<{ rows: { revision: bigint }[] }>(statement, [
    organizationId,
    randomUUIDv7(),
    event.type,
    event.subject,
    event.key,
    event.actor,
    event.requestId,
    event.traceparent ?? null,
    event.tracestate ?? null,
    event.occurredAt,
    JSON.stringify(event.data),
  ]);
  const [row] = rows;
  if (row === undefined) throw new Error("the event log took no event");
  return row.revision;
}

const statement = `
  with revised as (
    insert into organization (id, revision) values (?, 1)
    on conflict (id) do update set revision = organization.revision + 1
    returning id, revision
  )
  insert into event (
    organization_id, revision, id, type, subject, key, actor, request_id, traceparent, tracestate, occurred_at, data
  )
  select id, revision, ?::uuid, ?, ?, ?, ?, ?, ?, ?, ?::timestamptz, ?::json from revised
  returning revision`;
