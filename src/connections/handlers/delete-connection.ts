import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { principalKey } from "../../auth/principal.ts";
import { actorOf } from "../../interceptors/event-actor.ts";
import { type ConnectionAccess, participantOf } from "../connection-access.ts";
import { toConnection } from "../connection-record.ts";
import { connectionNotFound } from "../errors.ts";
import type { ConnectionRepository } from "../store/connection-repository.ts";

/** Disconnects two users; the record remains, inactive. Throws CONNECTION_NOT_FOUND, also when it is inactive already. */
export function deleteConnection(deps: {
  connections: ConnectionRepository;
  access: ConnectionAccess;
}): MethodImpl<typeof ConnectionService.method.deleteConnection> {
  return async (request, context) => {
    const participant = participantOf(deps.access, context.values.get(principalKey));
    const archived = await deps.connections.archive(actorOf(context), { id: request.id, participant });
    if (archived === undefined) throw connectionNotFound();
    return { connection: toConnection(archived.record), revision: archived.revision };
  };
}
