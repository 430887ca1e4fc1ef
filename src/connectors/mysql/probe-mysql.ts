import type { MysqlConfig } from "../../../gen/connectory/v1/mysql_config_pb.js";
import type { Probe } from "../sdk/connector.ts";
import { type FactQuery, recordFacts } from "../sdk/record-facts.ts";
import { logInMysql, readMysqlFact } from "./log-in.ts";

const whatItIs: readonly FactQuery[] = [
  ["server_version", "select version() as `Value`"],
  ["read_only", "select @@global.read_only as `Value`"],
];
const cipher: FactQuery = ["tls_cipher", "show session status like 'Ssl_cipher'"];

/** Logs in to the database, and reads the user and the version; writes nothing. Rejects with a ProbeError. */
export async function probeMysql(config: MysqlConfig, probe: Probe): Promise<void> {
  const { query, close, capability } = await logInMysql(config, probe);
  try {
    const queries = config.tls === undefined ? whatItIs : [...whatItIs, cipher];
    await recordFacts({ read: readMysqlFact(query), step: capability }, queries, probe);
  } finally {
    close();
  }
}
