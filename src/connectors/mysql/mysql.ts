import { type MysqlConfig, MysqlConfigSchema } from "../../../gen/connectory/v1/mysql_config_pb.js";
import { checkHost } from "../check-host.ts";
import { checkTls } from "../check-tls.ts";
import { type Connector, endpointName } from "../connector.ts";
import { mysqlAddress } from "./mysql-address.ts";

/** MySQL, MariaDB and what speaks their protocol. */
export const mysql: Connector<MysqlConfig> = {
  id: "mysql",
  name: "MySQL",
  description: "A relational database: MySQL or MariaDB",
  source: true,
  sink: true,
  config: MysqlConfigSchema,
  describe: (config) => `${config.username}@${endpointName(mysqlAddress(config))}/${config.database}`,
  endpoints: (config) => [mysqlAddress(config)],
  check: (config) => [...checkHost("host", config.host), ...checkTls(config.tls)],
  test: async (config, probe) => (await import("./test-mysql.ts")).testMysql(config, probe),
  discover: async (config, probe, question) =>
    (await import("./discover-mysql.ts")).discoverMysql(config, probe, question),
};
