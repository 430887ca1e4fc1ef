import type { PostgresConfig } from "../../../gen/connectory/v1/postgres_config_pb.js";
import type { Probe } from "../sdk/connector.ts";
import { type FactQuery, recordFacts } from "../sdk/record-facts.ts";
import { logInPostgres, readPostgresFact } from "./log-in.ts";

const whatItIs: readonly FactQuery[] = [
  ["server_version", "select current_setting('server_version') as value"],
  ["is_in_recovery", "select pg_is_in_recovery() as value"],
  ["read_only", "select current_setting('default_transaction_read_only') as value"],
];

/** Logs in to the database, and reads the user and the version; writes nothing. Rejects with a ProbeError. */
export async function probePostgres(config: PostgresConfig, probe: Probe): Promise<void> {
  const { query, close, capability } = await logInPostgres(config, probe);
  try {
    await recordFacts({ read: readPostgresFact(query), step: capability }, whatItIs, probe);
  } finally {
    close();
  }
}
