import type { MysqlConfig } from "../../../gen/connectory/v1/mysql_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { endpointName, type Probe, ProbeError, type Step } from "../sdk/connector.ts";
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
    await recordMysqlFacts({ query, step: step(TestStage.AUTHORIZE, "database") }, whoAndWhere, probe);
    return { query, close, capability: step(TestStage.CAPABILITY, "host") };
  } catch (error) {
    close();
    throw error;
  }
}

/** A fact's name, and the query whose column `Value` it is. */
export type FactQuery = readonly [name: string, sql: string];

const whoAndWhere: readonly FactQuery[] = [
  ["current_user", "select current_user() as `Value`"],
  ["database", "select database() as `Value`"],
];

/**
 * Runs queries as one step and records their values as facts; absent ones are skipped. A query that the server does not know
 * costs its fact: systems with MySQL's protocol lack some of its variables and functions (1105, 1193, 1235). When the server
 * knows none of them, the step is a warning. Rejects with a ProbeError for any other error.
 */
export async function recordMysqlFacts(
  { query, step }: Pick<MysqlClient, "query"> & { readonly step: Step },
  queries: readonly FactQuery[],
  probe: Probe,
): Promise<void> {
  try {
    await probe.step(step, async () => {
      let known = 0;
      for (const [name, sql] of queries) {
        const rows = await query(sql).catch(unlessUnknown);
        if (rows === undefined) continue;
        known += 1;
        const value = rows[0]?.Value ?? null;
        if (value !== null) probe.fact(name, String(value));
      }
      if (known === 0) throw new ProbeError("COMMAND_REFUSED", similar, "host");
    });
  } catch (error) {
    if (!(error instanceof ProbeError) || error.code !== "COMMAND_REFUSED") throw error;
    probe.downgradeToWarning(step.endpoint);
  }
}

const similar =
  "the server lets the user in and knows none of the questions of this test: it is a similar system, or a proxy";

/** Returns undefined for an error that says that the server does not know the query; throws any other. */
export function unlessUnknown(error: unknown): undefined {
  if (!isUnknownQuery(error)) throw error;
}
