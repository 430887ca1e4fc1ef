import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import type { ConnectionAccess } from "../connection-access.ts";
import { toConnection } from "../connection-record.ts";
import type { ConnectionRepository } from "../store/connection-repository.ts";
import { buildConnection } from "./build-connection.ts";

/**
 * Connects two users. A replay under the same request_id returns the connection of the first request. Throws as
 * `buildConnection` and `insertConnections` do.
 */
export function createConnection(deps: {
  connections: ConnectionRepository;
  access: ConnectionAccess;
}): MethodImpl<typeof ConnectionService.method.createConnection> {
  return async (request, context) => {
    const draft = buildConnection(deps.access, request, context);
    const { revision, first } = await deps.connections.insert(draft, context.signal);
    return { connection: first ?? toConnection(draft.record), revision };
  };
}
