import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { principalKey } from "../auth/principal.ts";
import type { ConnectionRepository } from "./connection-repository.ts";

/** Tells of many pairs of users, in either order, whether they are connected. */
export function batchCheckConnections(deps: {
  connections: ConnectionRepository;
}): MethodImpl<typeof ConnectionService.method.batchCheckConnections> {
  return async ({ pairs }, context) => {
    const { organizationId } = context.values.get(principalKey);
    const inOrder = pairs.map(({ userId1, userId2 }) =>
      userId1 < userId2 ? { userId1, userId2 } : { userId1: userId2, userId2: userId1 },
    );
    const ids = await deps.connections.check({ organizationId, pairs: inOrder });
    return { results: ids.map((id) => ({ connected: id !== undefined, id: id ?? "" })) };
  };
}
