import type { PostgresConfig } from "../../../gen/connectory/v1/postgres_config_pb.js";
import type { DiscoveredPage, DiscoveryRequest, Probe } from "../sdk/connector.ts";
import { logInPostgres } from "./log-in.ts";
import type { Row } from "./session.ts";

/** The server reserves the prefix `pg_`. */
const schemas = `
  select nspname as name from pg_catalog.pg_namespace
  where nspname !~ '^pg_' and nspname <> 'information_schema' and nspname collate "C" > $1
  order by nspname collate "C"`;

/** Partitions are listed only as their table; the estimate is that of the last ANALYZE, -1 without one. */
const tables = `
  select c.relname as name, c.relkind::text as kind, c.reltuples::bigint::text as rows
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
    and c.relname collate "C" > $1
  order by c.relname collate "C"`;

/**
 * Returns the schemas of the database, without system schemas; inside a schema its tables and views. Rejects with a ProbeError.
 */
export async function discoverPostgres(
  config: PostgresConfig,
  probe: Probe,
  { parent, pageSize, cursor }: DiscoveryRequest,
): Promise<DiscoveredPage> {
  const { query, close, capability } = await logInPostgres(config, probe);
  try {
    const [sql, values] = parent === "" ? [schemas, [cursor]] : [tables, [cursor, parent]];
    // One row more than a page shows whether a further page exists.
    const found = await probe.step(capability, () => query(`${sql} limit ${pageSize + 1}`, values));
    const page = found.slice(0, pageSize);
    return {
      resources: page.map((row) => (parent === "" ? schemaOf(row) : tableOf(row, parent))),
      nextCursor: found.length > pageSize ? String(page.at(-1)?.name) : "",
    };
  } finally {
    close();
  }
}

function schemaOf({ name }: Row) {
  return { kind: "schema", name: String(name), container: true };
}

const kinds: Readonly<Record<string, string>> = {
  r: "table",
  p: "table",
  v: "view",
  m: "materialized_view",
  f: "foreign_table",
};

function tableOf({ name, kind, rows }: Row, schema: string) {
  const facts = {
    ...(kind === "p" ? { partitioned: "true" } : {}),
    ...(kind === "v" || Number(rows) < 0 ? {} : { estimated_rows: String(rows) }),
  };
  return { kind: kinds[String(kind)] ?? "table", name: `${schema}.${name}`, container: false, facts };
}
