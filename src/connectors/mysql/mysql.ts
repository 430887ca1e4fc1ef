import { type MysqlConfig, MysqlConfigSchema } from "../../../gen/connectory/v1/mysql_config_pb.js";
import { type Connector, endpointName } from "../sdk/connector.ts";
import { validateHost } from "../sdk/validate-host.ts";
import { validateTls } from "../sdk/validate-tls.ts";
import { mysqlAddress } from "./mysql-address.ts";

/** A connector for MySQL, MariaDB and systems with their protocol. */
export const mysql: Connector<MysqlConfig> = {
  id: "mysql",
  name: "MySQL",
  description: "A relational database: MySQL or MariaDB",
  source: true,
  sink: true,
  config: MysqlConfigSchema,
  describe: (config) => `${config.username}@${endpointName(mysqlAddress(config))}/${config.database}`,
  endpoints: (config) => [mysqlAddress(config)],
  validate: (config) => [...validateHost("host", config.host), ...validateTls(config.tls)],
  test: async (config, probe) => (await import("./probe-mysql.ts")).probeMysql(config, probe),
  discover: async (config, probe, discovery) =>
    (await import("./discover-mysql.ts")).discoverMysql(config, probe, discovery),
};
