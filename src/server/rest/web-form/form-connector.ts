import type { JsonObject } from "@bufbuild/protobuf";
import { connectorIcon } from "./connector-icons.ts";

/**
 * Returns a connector with the members that the form reads, in the names of both generations of it. A connector without profiles
 * is hidden: the form could not make one.
 */
export function toFormConnector(connector: JsonObject): JsonObject {
  const { testable = false, has_profile: hasProfile = false, connection_config: schema } = connector;
  const config = schema === "" || schema === undefined ? null : schema;
  const tableConfig = "{}";
  const customSchemas = false;
  return {
    ...connector,
    enabled: true,
    hidden: hasProfile !== true,
    testing: testable,
    icon: connectorIcon(String(connector.id)),
    tableConfig,
    table_config: tableConfig,
    customSchemas,
    custom_schemas: customSchemas,
    connectionConfig: config,
    connection_config: config,
  };
}
