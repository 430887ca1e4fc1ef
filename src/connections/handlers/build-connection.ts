import { randomUUIDv7 } from "node:crypto";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import type { CreateConnectionRequest } from "../../../gen/connectory/v1/connection_service_pb.js";
import { principalKey } from "../../auth/principal.ts";
import { fieldsInvalid } from "../../errors/api-error.ts";
import { actorOf } from "../../interceptors/event-actor.ts";
import { type ConnectionAccess, participantOf, requireParticipant } from "../connection-access.ts";
import type { NewConnection } from "../connection-record.ts";
import { deterministicId } from "../store/deterministic-id.ts";
import { parseUnorderedUserPair, parseUserPair } from "../user-pair.ts";

/**
 * Returns the connection to be written for a request. Throws NOT_A_PARTICIPANT, USER_IDS_EQUAL, USER_IDS_OUT_OF_ORDER or
 * FIELD_INVALID.
 */
export function buildConnection(
  access: ConnectionAccess,
  request: CreateConnectionRequest,
  context: HandlerContext,
): NewConnection {
  const caller = actorOf(context);
  const pair = request.anyOrder ? parseUnorderedUserPair(request) : parseUserPair(request);
  requireParticipant(participantOf(access, context.values.get(principalKey)), pair);
  const { connectionId, connectedSince, requestId } = request;
  const now = new Date();
  const record = {
    id: connectionId.toLowerCase(),
    ...pair,
    connectedSince: connectedSince === undefined ? now : parsePast("connected_since", connectedSince, now),
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
  if (connectionId === "") record.id = deterministicId("connection", caller.organizationId, requestId);
  const eventId = deterministicId("event", caller.organizationId, requestId);
  const repeatable = { requestId, eventId, sinceNow: connectedSince === undefined, idDerived: connectionId === "" };
  return { ...draft, idempotency: repeatable };
}

/** Milliseconds that a time may lie in the future: the clocks of caller and server may differ, as those of RFC 7519, 4.1.4. */
const clockToleranceMs = 5 * 60_000;

/** Returns a timestamp that cannot lie in the future. Throws FIELD_INVALID. */
function parsePast(field: string, timestamp: Timestamp, now: Date): Date {
  const time = parseTimestamp(field, timestamp);
  if (time.getTime() <= now.getTime() + clockToleranceMs) return time;
  const description = `must not lie more than 5 minutes in the future: it is ${now.toISOString()} here`;
  throw fieldsInvalid({ field, description });
}

// The range that google.protobuf.Timestamp documents: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z, in seconds.
const earliest = -62_135_596_800n;

const latest = 253_402_300_799n;

/**
 * Returns a timestamp of a request, truncated to the millisecond. Throws FIELD_INVALID outside the years 1 to 9999: binary
 * messages can contain any number.
 */
export function parseTimestamp(field: string, timestamp: Timestamp): Date {
  const { seconds, nanos } = timestamp;
  if (seconds < earliest || seconds > latest || nanos < 0 || nanos > 999_999_999)
    throw fieldsInvalid({
      field,
      description: "must be a time of the years 1 to 9999 with 0 to 999,999,999 nanoseconds",
    });
  return new Date(Number(seconds) * 1000 + Math.floor(nanos / 1_000_000));
}
