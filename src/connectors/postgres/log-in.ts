import type { PostgresConfig } from "../../../gen/connectory/v1/postgres_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { endpointName, type Probe, type Step } from "../sdk/connector.ts";
import { type FactQuery, type ReadFact, recordFacts } from "../sdk/record-facts.ts";
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
    await recordFacts(
      { read: readPostgresFact(query), step: step(TestStage.AUTHORIZE, "database") },
      whoAndWhere,
      probe,
    );
    return { query, close, capability: step(TestStage.CAPABILITY, "database") };
  } catch (error) {
    close();
    throw error;
  }
}

/** Returns the function that reads the column `value` of the first row, for `recordFacts`. */
export function readPostgresFact(query: PostgresClient["query"]): ReadFact {
  return async (sql) => {
    const rows = await query(sql).catch(unlessUnknown);
    return rows === undefined ? undefined : (rows[0]?.value ?? null);
  };
}

/** Returns undefined for an error that says that the server does not know the query; throws any other. */
export function unlessUnknown(error: unknown): undefined {
  if (!isUnknownQuery(error)) throw error;
}
