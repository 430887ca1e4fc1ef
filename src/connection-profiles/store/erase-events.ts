import type { JsonObject } from "@bufbuild/protobuf";
import type { Knex } from "knex";
import type { Logger } from "pino";

/** What an event keeps of a profile that was expunged. */
export function expungedData(id: string): JsonObject {
  return { connection_profile: { id, expunged: true } };
}

/** So many at a time, so that no statement of a profile with very many events comes near the limit of 30 s: 5000 take 0.3 s. */
const part = 5000;

const erasePart = `
  with next as (
    select revision from event
    where organization_id = ? and subject = ? and type like 'connection-profile.%' and revision > ?
    order by revision limit ${part}
  ), erased as (
    update event set data = ? from next where event.organization_id = ? and event.revision = next.revision
    returning event.revision
  )
  select max(revision) as last from erased`;

/**
 * Takes the content out of every event of a profile, over an index of its own: who did what and when stays, with the id and
 * the revision, so that the log has no gap and an event that was not published yet goes out in its turn. In the transaction
 * that expunges, so it is done when that is committed; the old versions of the rows are dead then.
 */
export async function eraseEvents(trx: Knex.Transaction, organizationId: string, id: string): Promise<void> {
  const data = JSON.stringify(expungedData(id));
  for (let last: bigint | null = 0n; last !== null; ) {
    const { rows }: { rows: { last: bigint | null }[] } = await trx.raw(erasePart, [
      organizationId,
      id,
      String(last),
      data,
      organizationId,
    ]);
    last = rows[0]?.last ?? null;
  }
}

const batch = 100;

/** The condition is that of the index event_to_erase. */
const next = `
  select organization_id as "organizationId", subject as id from event
  where type = 'connection-profile.expunged' and data #>> '{connection_profile,expunged}' is null
    and (organization_id, subject) > (?, ?)
  order by organization_id, subject limit ${batch}`;

/**
 * Does the same for profiles that a server of a former version has expunged, and answers with how many. For every start, because
 * such a server may still run beside this one; where there are none it is a look at an empty index.
 */
export async function eraseExpunged(knex: Knex, log: Logger): Promise<number> {
  let erased = 0;
  let after: readonly [string, string] | undefined = ["", ""];
  while (after !== undefined) {
    const { rows }: { rows: { organizationId: string; id: string }[] } = await knex.raw(next, [...after]);
    for (const { organizationId, id } of rows) await knex.transaction((trx) => eraseEvents(trx, organizationId, id));
    erased += rows.length;
    const last = rows.at(-1);
    after = last && [last.organizationId, last.id];
  }
  if (erased > 0)
    log.info({ erased }, "events of profiles that a former version has expunged have no content any more");
  return erased;
}
