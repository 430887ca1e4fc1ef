import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { toConnectorMessage } from "../../connectors/connector-message.ts";
import { type ConnectorRegistry, findListed } from "../../connectors/registry.ts";
import { ApiError } from "../../errors/api-error.ts";

/** Reads one connector with the fields of its configuration. Throws CONNECTOR_NOT_FOUND. */
export function getConnector(deps: {
  registry: ConnectorRegistry;
}): MethodImpl<typeof ConnectionProfileService.method.getConnector> {
  return (request) => {
    const connector = findListed(deps.registry, request.id);
    if (connector === undefined) throw new ApiError(ErrorReason.CONNECTOR_NOT_FOUND, "there is no such connector");
    return { connector: toConnectorMessage(connector) };
  };
}
