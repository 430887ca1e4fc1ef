import type { MysqlConfig } from "../../../gen/connectory/v1/mysql_config_pb.js";
import { type DiscoveredPage, type DiscoveryRequest, type Probe, ProbeError } from "../sdk/connector.ts";
import { logInMysql, unlessUnknown } from "./log-in.ts";
import type { Row } from "./session.ts";

/** Names are compared as bytes: the servers' collation treats some different names as equal. */
const databases = `
  select schema_name as \`name\` from information_schema.schemata
  where schema_name not in ('information_schema', 'mysql', 'performance_schema', 'sys')
    and cast(schema_name as binary) > cast(? as binary)
  order by cast(schema_name as binary)`;

const tables = `
  select table_name as \`name\`, table_type as \`type\`, engine as \`engine\`, table_rows as \`rows\`
  from information_schema.tables
  where table_schema = ? and cast(table_schema as binary) = cast(? as binary)
    and table_type in ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW')
    and cast(table_name as binary) > cast(? as binary)
  order by cast(table_name as binary)`;

/** For systems with MySQL's protocol without some functions or columns; in the order of their own collation. */
const plainDatabases = `
  select schema_name as \`name\` from information_schema.schemata
  where schema_name not in ('information_schema', 'mysql', 'performance_schema', 'sys') and schema_name > ?
  order by schema_name`;

const plainTables = `
  select table_name as \`name\`, table_type as \`type\` from information_schema.tables
  where table_schema = ? and table_name > ?
  order by table_name`;

/**
 * Returns the databases that the user may see, without system databases; inside a database its tables and views. Rejects with a
 * ProbeError.
 */
export async function discoverMysql(
  config: MysqlConfig,
  probe: Probe,
  { parent, pageSize, cursor }: DiscoveryRequest,
): Promise<DiscoveredPage> {
  const { query, close, capability } = await logInMysql(config, probe);
  try {
    // One row more than a page shows whether a further page exists.
    const list = (sql: string, ...values: readonly string[]) =>
      query(`${sql} limit ${pageSize + 1}`, values).catch(unlessUnknown);
    const found = await probe.step(capability, async () => {
      const rows =
        parent === ""
          ? ((await list(databases, cursor)) ?? (await list(plainDatabases, cursor)))
          : ((await list(tables, parent, parent, cursor)) ?? (await list(plainTables, parent, cursor)));
      if (rows === undefined) throw new ProbeError("CATALOG_UNKNOWN", unknownCatalog, "host");
      return rows;
    });
    const page = found.slice(0, pageSize);
    return {
      resources: page.map((row) => (parent === "" ? databaseOf(row) : tableOf(row, parent))),
      nextCursor: found.length > pageSize ? String(page.at(-1)?.name) : "",
    };
  } finally {
    close();
  }
}

function databaseOf({ name }: Row) {
  return { kind: "database", name: String(name), container: true };
}

const unknownCatalog =
  "the server has no information schema that can be asked like MySQL's: it is a similar system, and its tables cannot be listed";

function tableOf({ name, type, engine = null, rows = null }: Row, database: string) {
  const facts = {
    ...(engine === null ? {} : { engine: String(engine) }),
    ...(rows === null ? {} : { estimated_rows: String(rows) }),
  };
  return { kind: type === "VIEW" ? "view" : "table", name: `${database}.${name}`, container: false, facts };
}
