import { randomUUIDv7 } from "node:crypto";
import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { principalKey } from "../auth/principal.ts";
import { Failure } from "../failure.ts";
import { callerOf } from "../interceptors/caller.ts";
import { toConnection } from "./connection-record.ts";
import type { ConnectionRepository } from "./connection-repository.ts";
import { readInstant } from "./read-instant.ts";
import { readPair } from "./read-pair.ts";

/** Who may connect two users: whoever is logged in, or only one of the two. */
export type CreatePolicy = "login" | "participant";

/** Connects two users. */
export function createConnection(deps: {
  connections: ConnectionRepository;
  createPolicy: CreatePolicy;
}): MethodImpl<typeof ConnectionService.method.createConnection> {
  return async (request, context) => {
    const caller = callerOf(context);
    const pair = readPair(request);
    const mayConnectOthers =
      deps.createPolicy === "login" || context.values.get(principalKey).permissions.has("connections.manage");
    if (!mayConnectOthers && pair.userId1 !== caller.userId && pair.userId2 !== caller.userId) throw notAParticipant();
    const now = new Date();
    const record = {
      id: request.connectionId === "" ? randomUUIDv7() : request.connectionId.toLowerCase(),
      ...pair,
      connectedSince:
        request.connectedSince === undefined ? now : readInstant("connected_since", request.connectedSince),
      isActive: true,
      recordVersion: 1,
      createdAt: now,
      updatedAt: now,
      archivedAt: null,
      owner: caller.userId,
    };
    const { revision } = await deps.connections.insert({ caller, record, signal: context.signal });
    return { connection: toConnection(record), revision };
  };
}

function notAParticipant(): Failure {
  return new Failure(
    ErrorReason.NOT_A_PARTICIPANT,
    "you may only connect yourself: one of the two user ids must be your own",
  );
}
