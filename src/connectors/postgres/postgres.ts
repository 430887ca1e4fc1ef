import { type PostgresConfig, PostgresConfigSchema } from "../../../gen/connectory/v1/postgres_config_pb.js";
import { type Connector, endpointName } from "../sdk/connector.ts";
import { validateHost } from "../sdk/validate-host.ts";
import { validateTls } from "../sdk/validate-tls.ts";
import { postgresAddress } from "./postgres-address.ts";

/** A connector for PostgreSQL and systems with its protocol. */
export const postgres: Connector<PostgresConfig> = {
  id: "postgres",
  name: "PostgreSQL",
  description: "A relational database",
  source: true,
  sink: true,
  config: PostgresConfigSchema,
  describe: (config) => {
    const address = postgresAddress(config);
    return `${config.username}@${endpointName(address)}/${address.database}`;
  },
  endpoints: (config) => [postgresAddress(config)],
  validate: (config) => [...validateHost("host", config.host), ...validateTls(config.tls)],
  test: async (config, probe) => (await import("./probe-postgres.ts")).probePostgres(config, probe),
  discover: async (config, probe, discovery) =>
    (await import("./discover-postgres.ts")).discoverPostgres(config, probe, discovery),
};
