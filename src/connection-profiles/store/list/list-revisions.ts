import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Knex } from "knex";
import {
  type ConnectionProfileRevision,
  ConnectionProfileRevisionSchema,
  ProfileChange,
} from "../../../../gen/connectory/v1/connection_profile_pb.js";
import type { RevisionRow } from "../append-revision.ts";
import { fromRecord } from "../profile-row.ts";

/** A page of a profile's history. */
export interface RevisionPage {
  readonly revisions: readonly ConnectionProfileRevision[];
  /** True when older revisions follow. */
  readonly more: boolean;
}

/** A page ends with the revision that reaches this many bytes: a response has to stay below 4 MiB. */
const pageBytes = 1_000_000;

/** Returns the revisions of a profile before a given one, the newest first. */
export async function listRevisions(
  knex: Knex,
  organizationId: string,
  id: string,
  before: bigint | undefined,
  limit: number,
): Promise<RevisionPage> {
  const candidates = revisionsOf(knex, organizationId, id).orderBy("revision", "desc");
  if (before !== undefined) candidates.where("revision", "<", before);
  const newer = "over (order by revision desc rows between unbounded preceding and 1 preceding)";
  const sized = knex
    .from(candidates.limit(limit + 1).as("candidate"))
    .select("*", knex.raw(`coalesce(sum(octet_length(record::text)) ${newer}, 0) as bytes_before`))
    .select(knex.raw("count(*) over () as candidates"));
  const rows: (RevisionRow & { candidates: bigint })[] = await knex
    .from(sized.as("sized"))
    .where("bytes_before", "<", pageBytes)
    .orderBy("revision", "desc")
    .select();
  const page = rows.slice(0, limit);
  return { revisions: page.map(toRevision), more: page.length < Number(rows[0]?.candidates ?? 0) };
}

/** Returns one revision of a profile; undefined when there is none. */
export async function readRevision(
  knex: Knex,
  organizationId: string,
  id: string,
  revision: bigint,
): Promise<ConnectionProfileRevision | undefined> {
  const row = await revisionsOf(knex, organizationId, id).where({ revision }).first();
  return row === undefined ? undefined : toRevision(row);
}

function revisionsOf(knex: Knex, organizationId: string, id: string) {
  return knex<RevisionRow>("connection_profile_revision").where({ organization_id: organizationId, profile_id: id });
}

function toRevision(row: RevisionRow): ConnectionProfileRevision {
  return create(ConnectionProfileRevisionSchema, {
    revision: row.revision,
    change: ProfileChange[row.change as keyof typeof ProfileChange] ?? ProfileChange.UNSPECIFIED,
    createdAt: timestampFromDate(row.created_at),
    createdBy: row.created_by,
    changedFields: row.changed_fields,
    connectionProfile: fromRecord(row.record as never),
  });
}
