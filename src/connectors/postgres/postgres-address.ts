import type { PostgresConfig } from "../../../gen/connectory/v1/postgres_config_pb.js";

/** Returns the address and database of a configuration. Defaults: port 5432, the database with the user's name. */
export function postgresAddress({ host, port, database, username }: PostgresConfig) {
  return { host, port: port === 0 ? 5432 : port, database: database === "" ? username : database };
}
