import type { MysqlConfig } from "../../../gen/connectory/v1/mysql_config_pb.js";
import type { Target } from "../../egress/egress-policy.ts";

/** Where a configuration points to, with the port that is meant when none is given. */
export function mysqlAddress({ host, port }: MysqlConfig): Target {
  return { host, port: port === 0 ? 3306 : port };
}
