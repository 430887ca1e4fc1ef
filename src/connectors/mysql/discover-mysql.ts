import type { MysqlConfig } from "../../../gen/connectory/v1/mysql_config_pb.js";
import type { DiscoveredPage, DiscoveryRequest, Probe } from "../sdk/connector.ts";
import { logInMysql } from "./log-in.ts";
import type { Row } from "./session.ts";

/** Names are compared as bytes: the servers' own order takes some different names for the same. */
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

/** The databases that the user may see, system databases left out; inside of one its tables and views. */
export async function discoverMysql(
  config: MysqlConfig,
  probe: Probe,
  { parent, pageSize, cursor }: DiscoveryRequest,
): Promise<DiscoveredPage> {
  const { query, close, capability } = await logInMysql(config, probe);
  try {
    const [sql, values] = parent === "" ? [databases, [cursor]] : [tables, [parent, parent, cursor]];
    // One more than a page tells whether there is another.
    const found = await probe.step(capability, () => query(`${sql} limit ${pageSize + 1}`, values));
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

function tableOf({ name, type, engine, rows }: Row, database: string) {
  const facts = {
    ...(engine === null ? {} : { engine: String(engine) }),
    ...(rows === null ? {} : { estimated_rows: String(rows) }),
  };
  return { kind: type === "VIEW" ? "view" : "table", name: `${database}.${name}`, container: false, facts };
}
