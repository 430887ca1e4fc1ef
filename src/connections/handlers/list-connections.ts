import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import type { PageTokens } from "../../auth/page-token.ts";
import { principalKey } from "../../auth/principal.ts";
import { type ConnectionAccess, participantOf, requireOwn } from "../connection-access.ts";
import { type ConnectionRecord, toConnection } from "../connection-record.ts";
import type { ConnectionRepository } from "../store/connection-repository.ts";
import type { ListCursor } from "../store/list-user-connections.ts";

const defaultPageSize = 50;
const maxPageSize = 1000;

/** Lists the active connections of a user, the most recently connected first. Throws NOT_A_PARTICIPANT. */
export function listConnections(deps: {
  connections: ConnectionRepository;
  access: ConnectionAccess;
  pageTokens: PageTokens;
}): MethodImpl<typeof ConnectionService.method.listConnections> {
  return async (request, context) => {
    const principal = context.values.get(principalKey);
    requireOwn(participantOf(deps.access, principal), request.userId);
    const { organizationId } = principal;
    const scope = JSON.stringify(["ListConnections", organizationId, request.userId]);
    const pageSize = Math.min(request.pageSize || defaultPageSize, maxPageSize);
    const cursor = request.pageToken === "" ? undefined : readCursor(deps.pageTokens, scope, request.pageToken);
    // One more row than the page size shows whether there is another page, so that no last page is empty.
    const rows = await deps.connections.list({ organizationId, userId: request.userId, limit: pageSize + 1, cursor });
    const page = rows.slice(0, pageSize);
    const last = page.at(-1);
    return {
      connections: page.map(toConnection),
      nextPageToken: rows.length > pageSize && last !== undefined ? sealCursor(deps.pageTokens, scope, last) : "",
    };
  };
}

function sealCursor(pageTokens: PageTokens, scope: string, { connectedSince, id }: ConnectionRecord): string {
  return pageTokens.seal(scope, { since: connectedSince.getTime(), id });
}

function readCursor(pageTokens: PageTokens, scope: string, token: string): ListCursor {
  const { since, id } = pageTokens.open(scope, token);
  return { connectedSince: new Date(Number(since)), id: String(id) };
}
