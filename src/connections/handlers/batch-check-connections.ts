import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { principalKey } from "../../auth/principal.ts";
import { type ConnectionAccess, isParticipant, participantOf } from "../connection-access.ts";
import type { ConnectionRepository } from "../store/connection-repository.ts";

/** Checks for many pairs of users, in either order, whether they are connected. */
export function batchCheckConnections(deps: {
  connections: ConnectionRepository;
  access: ConnectionAccess;
}): MethodImpl<typeof ConnectionService.method.batchCheckConnections> {
  return async ({ pairs }, context) => {
    const principal = context.values.get(principalKey);
    const { organizationId } = principal;
    const participant = participantOf(deps.access, principal);
    const inOrder = pairs.map(({ userId1, userId2 }) =>
      userId1 < userId2 ? { userId1, userId2 } : { userId1: userId2, userId2: userId1 },
    );
    const found = await deps.connections.check({ organizationId, pairs: inOrder }, context.signal);
    const ids = inOrder.map((pair, index) => (isParticipant(participant, pair) ? found[index] : undefined));
    return { results: ids.map((id) => ({ connected: id !== undefined, id: id ?? "" })) };
  };
}
