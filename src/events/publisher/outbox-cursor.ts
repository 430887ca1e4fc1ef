import { readFileSync } from "node:fs";
import type { Knex } from "knex";
import type { StoredEvent } from "../log/event.ts";

/** The position of a reader in one organization's log. */
export interface Position {
  readonly organizationId: string;
  readonly revision: bigint;
}

/** A batch of the event log. */
export interface EventsRead {
  /** In revision order within each organization, without gaps. */
  readonly events: readonly StoredEvent[];
  /** Revisions without an event in the log: data is lost. Later events of these organizations are not in `events`. */
  readonly missing: readonly Position[];
}

/**
 * Limits of a batch, chosen for one statement and one Kafka request (a connection's event is about 1 kB for both its messages).
 */
const limits = { organizations: 100, events: 500, bytes: 4_000_000 };

const statement = readFileSync(new URL("next-events.sql", import.meta.url), "utf8");

type Row = StoredEvent & { readonly position: bigint; readonly revision: bigint | null };

/**
 * Returns the next events after the cursors of `reader`, a fair share of each waiting organization, without those in `except`
 * (default: none).
 */
export async function readOutbox(knex: Knex, reader: string, except: Iterable<string> = []): Promise<EventsRead> {
  const { rows } = await knex.raw<{ rows: Row[] }>(statement, [
    reader,
    [...except],
    limits.organizations,
    limits.events,
    limits.bytes,
  ]);
  const events: StoredEvent[] = [];
  const missing = new Map<string, Position>();
  let last: Position | undefined;
  for (const { position, ...event } of rows) {
    const { organizationId } = event;
    if (missing.has(organizationId)) continue;
    const expected = (last?.organizationId === organizationId ? last.revision : position) + 1n;
    if (event.revision === expected) {
      events.push(event);
      last = event;
    } else missing.set(organizationId, { organizationId, revision: expected });
  }
  return { events, missing: [...missing.values()] };
}

/**
 * Moves the reader's cursors forward, never back, while `holder` holds the lease. Returns false when it does not, and nothing
 * was moved.
 */
export async function moveCursors(
  knex: Knex,
  {
    reader,
    lease,
    holder,
    positions,
  }: { reader: string; lease: string; holder: string; positions: readonly Position[] },
): Promise<boolean> {
  const { rows } = await knex.raw<{ rows: unknown[] }>(
    `insert into event_cursor (reader, organization_id, revision, updated_at)
     select ?, position.organization_id, position.revision, clock_timestamp()
     from unnest(?::text[], ?::bigint[]) as position (organization_id, revision)
     where exists (select from lease where name = ? and holder = ? and expires_at > now())
     order by position.organization_id
     on conflict (reader, organization_id) do update
       set revision = greatest(event_cursor.revision, excluded.revision), updated_at = excluded.updated_at
     returning organization_id`,
    [
      reader,
      positions.map(({ organizationId }) => organizationId),
      positions.map(({ revision }) => String(revision)),
      lease,
      holder,
    ],
  );
  return rows.length === positions.length;
}
