import type { PostgresConfig } from "../../../gen/connectory/v1/postgres_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { endpointName, type Probe, type Step } from "../sdk/connector.ts";
import { postgresAddress } from "./postgres-address.ts";
import { openSession, type PostgresClient, type Row } from "./session.ts";
import { startTls } from "./start-tls.ts";
import { translatePostgresError } from "./translate-postgres-error.ts";

/** A connection after the log-in. */
export interface PostgresSession extends Pick<PostgresClient, "query" | "close"> {
  readonly capability: Step;
}

const whoAndWhere = "select current_user::text, current_database()::text";

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
    const rows = await probe.step(step(TestStage.AUTHORIZE, "database"), () => query(whoAndWhere));
    recordPostgresFacts(rows, ["current_user", "current_database"], probe);
    return { query, close, capability: step(TestStage.CAPABILITY, "database") };
  } catch (error) {
    close();
    throw error;
  }
}

/** Records the values with these names in the first row; a server could return further names, which are ignored. */
export function recordPostgresFacts([row]: readonly Row[], names: readonly string[], probe: Probe): void {
  for (const name of names) {
    const value = row?.[name] ?? null;
    if (value !== null) probe.fact(name, String(value));
  }
}
