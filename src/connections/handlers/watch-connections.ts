import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import {
  ConnectionChange,
  type ConnectionService,
  type WatchConnectionsResponse,
  type WatchConnectionsResponseSchema,
} from "../../../gen/connectory/v1/connection_service_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { onTokenExpiry } from "../../auth/on-token-expiry.ts";
import { principalKey } from "../../auth/principal.ts";
import { ApiError } from "../../errors/api-error.ts";
import { originKey } from "../../interceptors/call/call-origin.ts";
import { type ConnectionAccess, participantOf, requireOwn } from "../connection-access.ts";
import type { ConnectionChangeStream } from "./connection-change-stream.ts";

/**
 * The longest time without a message, in milliseconds; then a bookmark shows the client, and proxies on the way, that the
 * stream is alive.
 */
const bookmarkMs = 15_000;

/** The time a caller has to read the error that ends the watch, in milliseconds; then the stream is reset. */
const readEndMs = 5000;

/**
 * Streams every change of connections until the caller cancels, the server stops, the token expires or the slot goes to another
 * organization. The last two end the watch also when the caller does not read: the slot is free at once, the stream is reset
 * after `readEndMs`.
 */
export function watchConnections(deps: {
  feed: ConnectionChangeStream;
  access: ConnectionAccess;
}): MethodImpl<typeof ConnectionService.method.watchConnections> {
  return async function* ({ userId, afterRevision: after }, { values, signal }) {
    const principal = values.get(principalKey);
    requireOwn(participantOf(deps.access, principal), userId);
    const { organizationId, expiresAt } = principal;
    const ended = new AbortController();
    const evict = (why: ApiError) => {
      ended.abort(why);
      setTimeout(() => values.get(originKey)?.reset?.(), readEndMs).unref();
    };
    const expire = () => evict(tokenExpired());
    const until = AbortSignal.any([signal, ended.signal]);
    const disarm = onTokenExpiry(expiresAt, expire);
    let leave = () => {};
    try {
      const subscription = await deps.feed.subscribe({ organizationId, after, signal: until, evict });
      leave = subscription.unsubscribe;
      yield bookmark(subscription.revision);
      let due = performance.now() + bookmarkMs;
      for (;;) {
        const changes = await subscription.next(due - performance.now());
        for (const change of changes) {
          if (!concerns(change, userId)) continue;
          if (Date.now() >= expiresAt) expire(); // a slow reader delays the loop, and the timer may be late
          until.throwIfAborted();
          yield change;
          due = performance.now() + bookmarkMs;
        }
        if (performance.now() < due) continue;
        yield bookmark(subscription.revision);
        due = performance.now() + bookmarkMs;
      }
    } finally {
      disarm();
      leave();
    }
  };
}

function concerns({ connection }: WatchConnectionsResponse, userId: string): boolean {
  return userId === "" || connection?.userId1 === userId || connection?.userId2 === userId;
}

function bookmark(revision: bigint): MessageInitShape<typeof WatchConnectionsResponseSchema> {
  return { change: ConnectionChange.BOOKMARK, revision };
}

function tokenExpired(): ApiError {
  return new ApiError(
    ErrorReason.TOKEN_EXPIRED,
    "the token has expired: fetch a new one and watch again after the last revision you have",
  );
}
