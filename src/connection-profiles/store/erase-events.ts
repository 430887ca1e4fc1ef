import type { JsonObject } from "@bufbuild/protobuf";
import type { Knex } from "knex";
import type { Logger } from "pino";

/** Returns the data that events of an expunged profile retain. */
export function expungedData(id: string): JsonObject {
  return { connection_profile: { id, expunged: true } };
}

/** The number of events per statement, so that none comes near the limit of 30 s: 5000 take 0.3 s. */
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
 * Erases the content of every event of a profile, by an index for that. Actor, type, time, id and revision remain, so the log
 * has no gap and unpublished events are still published in order. Runs in the transaction that expunges; the old row versions
 * are dead after its commit.
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
 * Erases the events of profiles that a server of a former version has expunged. Returns the number of these profiles. Runs at
 * every start, because such a server may still run beside this one; without such profiles it reads an empty index.
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
