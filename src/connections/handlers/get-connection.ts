import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionService, GetConnectionRequest } from "../../../gen/connectory/v1/connection_service_pb.js";
import { principalKey } from "../../auth/principal.ts";
import { fieldsInvalid } from "../../errors/api-error.ts";
import { type ConnectionAccess, isParticipant, participantOf } from "../connection-access.ts";
import { toConnection } from "../connection-record.ts";
import { connectionNotFound } from "../errors.ts";
import type { ConnectionRepository } from "../store/connection-repository.ts";
import { parseUnorderedUserPair, type UserPair } from "../user-pair.ts";

/**
 * Reads a connection by its id (active or not), or the active one of a pair in either order. Throws CONNECTION_NOT_FOUND or
 * FIELD_INVALID.
 */
export function getConnection(deps: {
  connections: ConnectionRepository;
  access: ConnectionAccess;
}): MethodImpl<typeof ConnectionService.method.getConnection> {
  return async (request, context) => {
    const principal = context.values.get(principalKey);
    const record = await deps.connections.find(
      { organizationId: principal.organizationId, ...readKey(request) },
      context.signal,
    );
    if (record === undefined || !isParticipant(participantOf(deps.access, principal), record))
      throw connectionNotFound();
    return { connection: toConnection(record) };
  };
}

function readKey(request: GetConnectionRequest): { id: string } | UserPair {
  const { id, userId1, userId2 } = request;
  if (id !== "" && userId1 === "" && userId2 === "") return { id };
  if (id === "" && userId1 !== "" && userId2 !== "") return parseUnorderedUserPair({ userId1, userId2 });
  throw fieldsInvalid({ field: "id", description: "send either id alone, or both user_id_1 and user_id_2" });
}
