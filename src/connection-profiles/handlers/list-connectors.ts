import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { toConnectorMessage } from "../../connectors/connector-message.ts";
import { allConnectors, type ConnectorRegistry } from "../../connectors/registry.ts";

/** Lists all connectors of this server, those without profiles too. */
export function listConnectors(deps: {
  registry: ConnectorRegistry;
}): MethodImpl<typeof ConnectionProfileService.method.listConnectors> {
  return () => ({ connectors: allConnectors(deps.registry).map(toConnectorMessage) });
}
