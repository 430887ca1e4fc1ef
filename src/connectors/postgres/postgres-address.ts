import type { PostgresConfig } from "../../../gen/connectory/v1/postgres_config_pb.js";

/** Where a configuration points to, with the port and the database that are meant when none is given. */
export function postgresAddress({ host, port, database, username }: PostgresConfig) {
  return { host, port: port === 0 ? 5432 : port, database: database === "" ? username : database };
}
