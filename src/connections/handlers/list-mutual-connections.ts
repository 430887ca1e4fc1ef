import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import type { PageTokens } from "../../auth/page-token.ts";
import { principalKey } from "../../auth/principal.ts";
import { ApiError } from "../../errors/api-error.ts";
import { type ConnectionAccess, participantOf, requireAll } from "../connection-access.ts";
import type { ConnectionRepository } from "../store/connection-repository.ts";

const defaultPageSize = 50;
const maxPageSize = 1000;

/**
 * Lists the users who are connected to both of two users, in the order of their ids. Throws USER_IDS_EQUAL or
 * NOT_A_PARTICIPANT.
 */
export function listMutualConnections(deps: {
  connections: ConnectionRepository;
  access: ConnectionAccess;
  pageTokens: PageTokens;
}): MethodImpl<typeof ConnectionService.method.listMutualConnections> {
  return async ({ userId, otherUserId, pageSize, pageToken }, context) => {
    const principal = context.values.get(principalKey);
    requireAll(participantOf(deps.access, principal)); // each result has two connections, one of them another user's
    if (userId === otherUserId) throw equal();
    const { organizationId } = principal;
    const scope = JSON.stringify(["ListMutualConnections", organizationId, userId, otherUserId]);
    const limit = Math.min(pageSize || defaultPageSize, maxPageSize);
    const after = pageToken === "" ? "" : String(deps.pageTokens.open(scope, pageToken).after);
    // One more row than the page size shows whether there is another page.
    const rows = await deps.connections.mutual(
      { organizationId, userId, otherUserId, limit: limit + 1, after },
      context.signal,
    );
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return {
      mutualConnections: page,
      nextPageToken:
        rows.length > limit && last !== undefined ? deps.pageTokens.seal(scope, { after: last.userId }) : "",
    };
  };
}

function equal(): ApiError {
  const description = "must be another user than user_id";
  return new ApiError(ErrorReason.USER_IDS_EQUAL, `other_user_id: ${description}`, {
    fieldViolations: [{ field: "other_user_id", description }],
  });
}
