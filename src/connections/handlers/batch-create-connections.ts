import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext, MethodImpl } from "@connectrpc/connect";
import {
  type BatchCreateConnectionsResultSchema,
  type ConnectionService,
  type CreateConnectionRequest,
  CreateConnectionRequestSchema,
} from "../../../gen/connectory/v1/connection_service_pb.js";
import { ApiError } from "../../errors/api-error.ts";
import { renameErrorKey } from "../../interceptors/call/rename-error.ts";
import { toRpcStatus } from "../../interceptors/call/rpc-status.ts";
import { toConnectError } from "../../interceptors/map-errors.ts";
import { requestIdKey } from "../../interceptors/request-id.ts";
import type { CheckMessage } from "../../interceptors/validate.ts";
import type { ConnectionAccess } from "../connection-access.ts";
import { toConnection } from "../connection-record.ts";
import type { ConnectionRepository } from "../store/connection-repository.ts";
import { buildConnection } from "./build-connection.ts";

type Result = MessageInitShape<typeof BatchCreateConnectionsResultSchema>;

/**
 * Connects many pairs of users, with a result for each of them. The repository joins their inserts with those of concurrent
 * calls.
 */
export function batchCreateConnections(deps: {
  connections: ConnectionRepository;
  access: ConnectionAccess;
  checkMessage: CheckMessage;
}): MethodImpl<typeof ConnectionService.method.batchCreateConnections> {
  const write = async (request: CreateConnectionRequest, context: HandlerContext) => {
    deps.checkMessage(CreateConnectionRequestSchema, request);
    const draft = buildConnection(deps.access, request, context);
    const { revision, first } = await deps.connections.insert(draft);
    return { result: { case: "connection" as const, value: first ?? toConnection(draft.record) }, revision };
  };
  return async ({ requests }, context) => {
    // All writes have ended before an error other than an ApiError fails the call, so that none continues after the response.
    const outcomes = await Promise.allSettled(requests.map((request) => write(request, context)));
    let revision = 0n;
    const results = outcomes.map((outcome): Result => {
      if (outcome.status === "rejected") return refused(outcome.reason, context);
      if (outcome.value.revision > revision) revision = outcome.value.revision;
      return outcome.value;
    });
    return { results, revision };
  };
}

function refused(error: unknown, { values }: HandlerContext): Result {
  if (!(error instanceof ApiError)) throw error;
  const named = values.get(renameErrorKey)(
    toConnectError(error, values.get(requestIdKey)),
    CreateConnectionRequestSchema,
  );
  return { result: { case: "error", value: toRpcStatus(named) } };
}
