import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { configSchemaOf } from "../../connectors/config-schema.ts";
import { toConnectorMessage } from "../../connectors/connector-message.ts";
import { allConnectors, type ConnectorRegistry, findListed } from "../../connectors/registry.ts";
import { similarConnector } from "../../connectors/similar-connector.ts";
import { ApiError } from "../../errors/api-error.ts";

/** Reads one connector with the fields and the JSON Schema of its configuration. Throws CONNECTOR_NOT_FOUND. */
export function getConnector(deps: {
  registry: ConnectorRegistry;
}): MethodImpl<typeof ConnectionProfileService.method.getConnector> {
  return (request) => {
    const connector = findListed(deps.registry, request.id);
    if (connector === undefined) throw notFound(deps.registry, request.id);
    const configSchema = "config" in connector ? { configSchema: configSchemaOf(connector.config) } : {};
    return { connector: toConnectorMessage(connector), ...configSchema };
  };
}

function notFound(registry: ConnectorRegistry, id: string): ApiError {
  const known = allConnectors(registry).map((connector) => connector.id);
  const similar = similarConnector(id, known) || ": ListConnectors has those that exist";
  return new ApiError(ErrorReason.CONNECTOR_NOT_FOUND, `there is no such connector${similar}`);
}
