import type { PostgresConfig } from "../../../gen/connectory/v1/postgres_config_pb.js";
import { type DiscoveredPage, type DiscoveryRequest, type Probe, ProbeError } from "../sdk/connector.ts";
import { logInPostgres, unlessUnknown } from "./log-in.ts";
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

/** For systems with PostgreSQL's protocol whose catalog is another; in the order of their own collation. */
const standardSchemas = `
  select schema_name as name from information_schema.schemata
  where schema_name not in ('information_schema', 'pg_catalog', 'pg_toast') and schema_name > $1
  order by schema_name`;

const standardTables = `
  select table_name as name, table_type as kind from information_schema.tables
  where table_schema = $2 and table_name > $1
  order by table_name`;

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
    const values = parent === "" ? [cursor] : [cursor, parent];
    // One row more than a page shows whether a further page exists.
    const list = (sql: string) => query(`${sql} limit ${pageSize + 1}`, values).catch(unlessUnknown);
    const found = await probe.step(capability, async () => {
      const [own, standard] = parent === "" ? [schemas, standardSchemas] : [tables, standardTables];
      const rows = (await list(own)) ?? (await list(standard));
      if (rows === undefined) throw new ProbeError("CATALOG_UNKNOWN", unknownCatalog, "host");
      return rows;
    });
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

const unknownCatalog =
  "the server has neither PostgreSQL's catalog nor the information schema: it is a similar system, and its tables cannot be listed";

const kinds: Readonly<Record<string, string>> = {
  r: "table",
  p: "table",
  v: "view",
  m: "materialized_view",
  f: "foreign_table",
  VIEW: "view",
};

function tableOf({ name, kind, rows }: Row, schema: string) {
  const facts = {
    ...(kind === "p" ? { partitioned: "true" } : {}),
    ...(kind === "v" || rows === undefined || Number(rows) < 0 ? {} : { estimated_rows: String(rows) }),
  };
  return { kind: kinds[String(kind)] ?? "table", name: `${schema}.${name}`, container: false, facts };
}
