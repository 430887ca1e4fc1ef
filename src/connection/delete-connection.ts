import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { callerOf } from "../interceptors/caller.ts";
import { connectionNotFound } from "./connection-not-found.ts";
import { toConnection } from "./connection-record.ts";
import type { ConnectionRepository } from "./connection-repository.ts";

/** Disconnects two users; the record stays, inactive. */
export function deleteConnection(deps: {
  connections: ConnectionRepository;
}): MethodImpl<typeof ConnectionService.method.deleteConnection> {
  return async (request, context) => {
    const archived = await deps.connections.archive(callerOf(context), request.id);
    if (archived === undefined) throw connectionNotFound();
    return { connection: toConnection(archived.record), revision: archived.revision };
  };
}
