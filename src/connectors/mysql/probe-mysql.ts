import type { MysqlConfig } from "../../../gen/connectory/v1/mysql_config_pb.js";
import type { Probe } from "../sdk/connector.ts";
import { logInMysql, recordMysqlFacts } from "./log-in.ts";

const whatItIs = "select version() as `server_version`, @@global.read_only as `read_only`";
const cipher = "show session status like 'Ssl_cipher'";

/** Logs in to the database, and reads the user and the version; writes nothing. Rejects with a ProbeError. */
export async function probeMysql(config: MysqlConfig, probe: Probe): Promise<void> {
  const { query, close, capability } = await logInMysql(config, probe);
  try {
    await probe.step(capability, async () => {
      recordMysqlFacts(await query(whatItIs), ["server_version", "read_only"], probe);
      const [status] = await query(cipher);
      if (config.tls !== undefined) probe.fact("tls_cipher", String(status?.Value ?? ""));
    });
  } finally {
    close();
  }
}
