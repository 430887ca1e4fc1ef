import { type PostgresConfig, PostgresConfigSchema } from "../../../gen/connectory/v1/postgres_config_pb.js";
import { checkHost } from "../check-host.ts";
import { checkTls } from "../check-tls.ts";
import { type Connector, endpointName } from "../connector.ts";
import { postgresAddress } from "./postgres-address.ts";

/** PostgreSQL and what speaks its protocol. */
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
  check: (config) => [...checkHost("host", config.host), ...checkTls(config.tls)],
  test: async (config, probe) => (await import("./test-postgres.ts")).testPostgres(config, probe),
  discover: async (config, probe, question) =>
    (await import("./discover-postgres.ts")).discoverPostgres(config, probe, question),
};
