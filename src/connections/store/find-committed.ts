import type { Knex } from "knex";
import { runPrepared } from "../../database/run-prepared.ts";

/** The number of newest events of an organization that are searched: event ids have no index. */
const newest = 100_000;

const statement = `
  select event.id, event.revision
  from organization
  join event on event.organization_id = organization.id and event.revision > organization.revision - ${newest}
  where organization.id = any (?::text[]) and event.id = any (?::uuid[])`;

/** Returns the revisions of recently written events, by event id. */
export async function findCommitted(
  knex: Knex,
  organizationIds: readonly string[],
  eventIds: readonly string[],
): Promise<ReadonlyMap<string, bigint>> {
  if (eventIds.length === 0) return new Map();
  const rows = await runPrepared<{ id: string; revision: bigint }>(knex, "find-committed", statement, [
    [...new Set(organizationIds)],
    [...eventIds],
  ]);
  return new Map(rows.map(({ id, revision }) => [id, revision]));
}
