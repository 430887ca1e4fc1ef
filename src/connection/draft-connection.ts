import { randomUUIDv7 } from "node:crypto";
import type { HandlerContext } from "@connectrpc/connect";
import type { CreateConnectionRequest } from "../../gen/connectory/v1/connection_service_pb.js";
import { principalKey } from "../auth/principal.ts";
import { callerOf } from "../interceptors/caller.ts";
import { type ConnectionAccess, participantOf, requirePart } from "./connection-access.ts";
import type { NewConnection } from "./connection-record.ts";
import { deriveId } from "./derive-id.ts";
import { readInstant } from "./read-instant.ts";
import { readPair } from "./read-pair.ts";

/** Makes of a request the connection that is to be written, or throws why the caller may not have it. */
export function draftConnection(
  access: ConnectionAccess,
  request: CreateConnectionRequest,
  context: HandlerContext,
): NewConnection {
  const caller = callerOf(context);
  const pair = readPair(request);
  requirePart(participantOf(access, context.values.get(principalKey)), pair);
  const { connectionId, connectedSince, requestId } = request;
  const now = new Date();
  const record = {
    id: connectionId.toLowerCase(),
    ...pair,
    connectedSince: connectedSince === undefined ? now : readInstant("connected_since", connectedSince),
    isActive: true,
    recordVersion: 1,
    createdAt: now,
    updatedAt: now,
    archivedAt: null,
    owner: caller.userId,
  };
  const draft = { caller, record, signal: context.signal };
  if (requestId === "") {
    if (connectionId === "") record.id = randomUUIDv7();
    return draft;
  }
  if (connectionId === "") record.id = deriveId("connection", caller.organizationId, requestId);
  const eventId = deriveId("event", caller.organizationId, requestId);
  const repeatable = { requestId, eventId, sinceNow: connectedSince === undefined, idDerived: connectionId === "" };
  return { ...draft, repeatable };
}
