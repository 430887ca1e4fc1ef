import type { MysqlConfig } from "../../../gen/connectory/v1/mysql_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { endpointName, type Probe, type Step } from "../sdk/connector.ts";
import { mysqlAddress } from "./mysql-address.ts";
import { type MysqlClient, openSession, type Row } from "./session.ts";
import { translateMysqlError } from "./translate-mysql-error.ts";

/** A connection after the log-in. */
export interface MysqlSession extends Pick<MysqlClient, "query" | "close"> {
  readonly capability: Step;
}

/** Opens a connection, logs in, records the current user, and returns the connection. Rejects with a ProbeError. */
export async function logInMysql(config: MysqlConfig, probe: Probe): Promise<MysqlSession> {
  const address = mysqlAddress(config);
  const step = (stage: TestStage, field: string): Step => ({
    stage,
    endpoint: endpointName(address),
    field,
    translate: (error) => translateMysqlError(error, config.password === ""),
  });
  const client = openSession(config);
  const { beforeTls, query, close } = client;
  try {
    const socket = await probe.open({ ...address, field: "host", tls: config.tls, beforeTls });
    await probe.step(step(TestStage.AUTHENTICATE, "username"), () => client.logIn(socket));
    const rows = await probe.step(step(TestStage.AUTHORIZE, "database"), () => query(whoAndWhere));
    recordMysqlFacts(rows, ["current_user", "database"], probe);
    return { query, close, capability: step(TestStage.CAPABILITY, "host") };
  } catch (error) {
    close();
    throw error;
  }
}

const whoAndWhere = "select current_user() as `current_user`, database() as `database`";

/** Records the values with these names in the first row; absent ones are skipped. */
export function recordMysqlFacts([row]: readonly Row[], names: readonly string[], probe: Probe): void {
  for (const name of names) {
    const value = row?.[name] ?? null;
    if (value !== null) probe.fact(name, String(value));
  }
}
