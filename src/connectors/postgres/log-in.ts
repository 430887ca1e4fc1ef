import type { PostgresConfig } from "../../../gen/connectory/v1/postgres_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { endpointName, type Probe, ProbeError, type Step } from "../sdk/connector.ts";
import { postgresAddress } from "./postgres-address.ts";
import { openSession, type PostgresClient } from "./session.ts";
import { startTls } from "./start-tls.ts";
import { isUnknownQuery, translatePostgresError } from "./translate-postgres-error.ts";

/** A connection after the log-in. */
export interface PostgresSession extends Pick<PostgresClient, "query" | "close"> {
  readonly capability: Step;
}

const whoAndWhere: readonly FactQuery[] = [
  ["current_user", "select current_user as value"],
  ["current_database", "select current_database() as value"],
];

/** Opens a connection, logs in, records the current user, and returns the connection. Rejects with a ProbeError. */
export async function logInPostgres(config: PostgresConfig, probe: Probe): Promise<PostgresSession> {
  const { host, port, database } = postgresAddress(config);
  const step = (stage: TestStage, field: string): Step => ({
    stage,
    endpoint: endpointName({ host, port }),
    field,
    translate: translatePostgresError,
  });
  const socket = await probe.open({ host, port, field: "host", tls: config.tls, beforeTls: startTls });
  const login = { user: config.username, password: config.password, database, encrypted: config.tls !== undefined };
  const { connect, query, close } = openSession(socket, login);
  try {
    await probe.step(step(TestStage.AUTHENTICATE, "username"), connect);
    await recordPostgresFacts({ query, step: step(TestStage.AUTHORIZE, "database") }, whoAndWhere, probe);
    return { query, close, capability: step(TestStage.CAPABILITY, "database") };
  } catch (error) {
    close();
    throw error;
  }
}

/** A fact's name, and the query whose column `value` it is. */
export type FactQuery = readonly [name: string, sql: string];

/**
 * Runs queries as one step and records their values as facts. A query that the server does not know costs its fact: systems
 * with PostgreSQL's protocol lack some of its functions and settings. When the server knows none of them, the step is a warning.
 * Rejects with a ProbeError for any other error.
 */
export async function recordPostgresFacts(
  { query, step }: Pick<PostgresClient, "query"> & { readonly step: Step },
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
        const value = rows[0]?.value ?? null;
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
