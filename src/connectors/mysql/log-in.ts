import type { MysqlConfig } from "../../../gen/connectory/v1/mysql_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { endpointName, type Probe, type Step } from "../sdk/connector.ts";
import { type FactQuery, type ReadFact, recordFacts } from "../sdk/record-facts.ts";
import { mysqlAddress } from "./mysql-address.ts";
import { type MysqlClient, openSession } from "./session.ts";
import { isUnknownQuery, translateMysqlError } from "./translate-mysql-error.ts";

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
    await recordFacts({ read: readMysqlFact(query), step: step(TestStage.AUTHORIZE, "database") }, whoAndWhere, probe);
    return { query, close, capability: step(TestStage.CAPABILITY, "host") };
  } catch (error) {
    close();
    throw error;
  }
}

const whoAndWhere: readonly FactQuery[] = [
  ["current_user", "select current_user() as `Value`"],
  ["database", "select database() as `Value`"],
];

/** Returns the function that reads the column `Value` of the first row, for `recordFacts`. */
export function readMysqlFact(query: MysqlClient["query"]): ReadFact {
  return async (sql) => {
    const rows = await query(sql).catch(unlessUnknown);
    return rows === undefined ? undefined : (rows[0]?.Value ?? null);
  };
}

/** Returns undefined for an error that says that the server does not know the query; throws any other. */
export function unlessUnknown(error: unknown): undefined {
  if (!isUnknownQuery(error)) throw error;
}
