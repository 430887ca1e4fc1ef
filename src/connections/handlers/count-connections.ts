import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { principalKey } from "../../auth/principal.ts";
import { type ConnectionAccess, participantOf, requireOwn } from "../connection-access.ts";
import type { ConnectionRepository } from "../store/connection-repository.ts";

/** Counts the active connections of a user. Throws NOT_A_PARTICIPANT. */
export function countConnections(deps: {
  connections: ConnectionRepository;
  access: ConnectionAccess;
}): MethodImpl<typeof ConnectionService.method.countConnections> {
  return async ({ userId }, context) => {
    const principal = context.values.get(principalKey);
    requireOwn(participantOf(deps.access, principal), userId);
    return {
      count: await deps.connections.count({ organizationId: principal.organizationId, userId }, context.signal),
    };
  };
}
