import type { Knex } from "knex";
import type { ConnectionProfile } from "../../../../gen/connectory/v1/connection_profile_pb.js";
import { secretStatesSql } from "../find-profiles.ts";
import { type ProfileRow, type SecretStateRows, toConnectionProfile } from "../profile-row.ts";
import { profilesOf } from "../read-profile.ts";
import type { FilterTerm } from "./list-filter.ts";
import type { ProfileOrder } from "./list-order.ts";

/** A query for profiles of an organization. */
export interface ProfileQuery {
  readonly terms: readonly FilterTerm[];
  readonly order: ProfileOrder;
  readonly showDeleted: boolean;
  /** The last profile of the previous page: its value in the sort column, and its id. */
  readonly after: { readonly value: string; readonly id: string } | undefined;
  /** The maximum number of profiles; fewer are returned when they are large. */
  readonly limit: number;
}

/** A page of profiles. */
export interface ProfilePage {
  readonly profiles: readonly ConnectionProfile[];
  /** True when further profiles follow. */
  readonly more: boolean;
}

/** A page ends with the profile that reaches this many bytes: a response has to stay below 4 MiB. */
const pageBytes = 2_000_000;

/**
 * The approximate size of a profile in a response, in bytes; the configuration counts twice, because every header in it has a
 * secret state.
 */
const rowBytes = `1000 + 2 * octet_length(config::text) + octet_length(labels::text) + octet_length(description)
  + octet_length(name) + coalesce(octet_length(last_test::text), 0)`;

const columns = [
  "organization_id",
  "id",
  "name",
  "connector",
  "config",
  "description",
  "labels",
  "etag",
  "revision",
  "created_at",
  "updated_at",
  "created_by",
  "updated_by",
  "deleted_at",
  "last_test",
] as const;

/** Returns the profiles that match a query, in its order; ids order equal values. */
export async function listProfiles(knex: Knex, organizationId: string, query: ProfileQuery): Promise<ProfilePage> {
  const { terms, order, showDeleted, after, limit } = query;
  const direction = order.descending ? "desc" : "asc";
  const ordered = [
    { column: order.by, order: direction },
    { column: "id", order: direction },
  ];
  const candidates = profilesOf(knex, organizationId).select(columns).orderBy(ordered);
  if (!showDeleted) candidates.whereNull("deleted_at");
  for (const term of terms) restrict(candidates, term);
  if (after !== undefined)
    candidates.whereRaw(`(${order.by}, id) ${order.descending ? "<" : ">"} (?, ?)`, [after.value, after.id]);
  // One more row than the limit shows whether there is another page. Sizes are summed in the database, so that a page of large
  // configurations is not transferred.
  const before = `over (order by ${order.by} ${direction}, id ${direction} rows between unbounded preceding and 1 preceding)`;
  const sized = knex
    .from(candidates.limit(limit + 1).as("candidate"))
    .select("*", knex.raw(`coalesce(sum(${rowBytes}) ${before}, 0) as bytes_before`))
    .select(knex.raw("count(*) over () as candidates"));
  const rows: Row[] = await knex
    .from(sized.as("profile"))
    .where("bytes_before", "<", pageBytes)
    .orderBy(ordered)
    .select("*", knex.raw(`${secretStatesSql} as secret_states`));
  const page = rows.slice(0, limit);
  return {
    profiles: page.map((row) => toConnectionProfile(row, row.secret_states)),
    more: page.length < Number(rows[0]?.candidates ?? 0),
  };
}

type Row = ProfileRow & { candidates: bigint; secret_states: SecretStateRows };

function restrict(query: Knex.QueryBuilder, term: FilterTerm): void {
  if (term.field !== "label") {
    if (term.prefix) query.whereRaw("starts_with(??, ?)", [term.field, term.value]);
    else query.where(term.field, term.value);
  } else if (term.value === undefined) query.whereRaw("jsonb_exists(labels, ?)", [term.label]);
  else if (term.prefix) query.whereRaw("starts_with(labels ->> ?, ?)", [term.label, term.value]);
  else query.whereRaw("labels ->> ? = ?", [term.label, term.value]);
}
