import type { PostgresConfig } from "../../../gen/connectory/v1/postgres_config_pb.js";
import type { Probe } from "../sdk/connector.ts";
import { logInPostgres, recordPostgresFacts } from "./log-in.ts";

const whatItIs = `
  select current_setting('server_version') as server_version, pg_is_in_recovery() as is_in_recovery,
    current_setting('default_transaction_read_only') as read_only`;

/** Logs in to the database, and reads the user and the version; writes nothing. Rejects with a ProbeError. */
export async function probePostgres(config: PostgresConfig, probe: Probe): Promise<void> {
  const { query, close, capability } = await logInPostgres(config, probe);
  try {
    const rows = await probe.step(capability, () => query(whatItIs));
    recordPostgresFacts(rows, ["server_version", "is_in_recovery", "read_only"], probe);
  } finally {
    close();
  }
}
