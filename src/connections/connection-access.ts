import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import type { Principal } from "../auth/principal.ts";
import { ApiError } from "../errors/api-error.ts";
import type { UserPair } from "./user-pair.ts";

/** The setting CONNECTION_ACCESS: callers use all connections of their organization, or only those in which they take part. */
export type ConnectionAccess = "organization" | "participant";

/**
 * Returns the user to whose connections the caller's reads and writes are limited; undefined where there is no such limit.
 * Every handler calls this first: `test/connections/store/connection-access.test.ts` has a case for each RPC and fails for an
 * RPC without a case.
 */
export function participantOf(access: ConnectionAccess, { userId, permissions }: Principal): string | undefined {
  return access === "organization" || permissions.has("connections.manage") ? undefined : userId;
}

/**
 * Returns whether a connection, or a pair of users, is within the limit. Handlers respond to one outside the limit as to one
 * that does not exist.
 */
export function isParticipant(
  participant: string | undefined,
  { userId1, userId2 }: Pick<UserPair, "userId1" | "userId2">,
): boolean {
  return participant === undefined || participant === userId1 || participant === userId2;
}

/** Throws NOT_A_PARTICIPANT for a new pair outside the limit. */
export function requireParticipant(participant: string | undefined, pair: UserPair): void {
  if (isParticipant(participant, pair)) return;
  throw notAParticipant("you may only connect yourself: one of the two user ids must be your own");
}

/** Throws NOT_A_PARTICIPANT for any user but the caller, existing or not: the outcome depends on the request alone. */
export function requireOwn(participant: string | undefined, userId: string): void {
  if (participant === undefined || participant === userId) return;
  throw notAParticipant(
    userId === ""
      ? "user_id: you may only see your own connections: send your own user id"
      : "user_id: you may only see your own connections: it must be your own user id",
  );
}

/** Throws NOT_A_PARTICIPANT where a limit applies: for RPCs whose response shows connections between other users. */
export function requireAll(participant: string | undefined): void {
  if (participant === undefined) return;
  throw notAParticipant("this shows connections between other users: it needs a role with connections.manage");
}

function notAParticipant(message: string): ApiError {
  return new ApiError(ErrorReason.NOT_A_PARTICIPANT, message);
}
