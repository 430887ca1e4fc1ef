import type { MysqlConfig } from "../../../gen/connectory/v1/mysql_config_pb.js";
import type { Target } from "../../egress/egress-policy.ts";

/** Returns the address of a configuration. Default port: 3306. */
export function mysqlAddress({ host, port }: MysqlConfig): Target {
  return { host, port: port === 0 ? 3306 : port };
}
