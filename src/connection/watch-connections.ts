import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import {
  ConnectionChange,
  type ConnectionService,
  type WatchConnectionsResponse,
  type WatchConnectionsResponseSchema,
} from "../../gen/connectory/v1/connection_service_pb.js";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { principalKey } from "../auth/principal.ts";
import { Failure } from "../failure.ts";
import { type ConnectionAccess, participantOf, requireOwn } from "./connection-access.ts";
import type { ConnectionFeed } from "./connection-feed.ts";

/** The longest silence: then there is a bookmark, which also tells a client, and proxies on the way, that we live. */
const bookmarkMs = 15_000;

/** Tells of every change of connections as it happens, until the caller leaves or its token expires. */
export function watchConnections(deps: {
  feed: ConnectionFeed;
  access: ConnectionAccess;
}): MethodImpl<typeof ConnectionService.method.watchConnections> {
  return async function* ({ userId, afterRevision: after }, { values, signal }) {
    const principal = values.get(principalKey);
    requireOwn(participantOf(deps.access, principal), userId);
    const { organizationId, expiresAt } = principal;
    const follower = await deps.feed.follow({ organizationId, after, signal });
    try {
      yield bookmark(follower.revision);
      let due = performance.now() + bookmarkMs;
      for (;;) {
        const changes = await follower.next(Math.min(due - performance.now(), expiresAt - Date.now()));
        checkToken(expiresAt);
        for (const change of changes) {
          if (!concerns(change, userId)) continue;
          checkToken(expiresAt); // a reader may take its time
          yield change;
          due = performance.now() + bookmarkMs;
        }
        if (performance.now() < due) continue;
        yield bookmark(follower.revision);
        due = performance.now() + bookmarkMs;
      }
    } finally {
      follower.leave();
    }
  };
}

function concerns({ connection }: WatchConnectionsResponse, userId: string): boolean {
  return userId === "" || connection?.userId1 === userId || connection?.userId2 === userId;
}

function bookmark(revision: bigint): MessageInitShape<typeof WatchConnectionsResponseSchema> {
  return { change: ConnectionChange.BOOKMARK, revision };
}

function checkToken(expiresAt: number): void {
  if (Date.now() < expiresAt) return;
  throw new Failure(
    ErrorReason.TOKEN_EXPIRED,
    "the token has expired: fetch a new one and watch again after the last revision you have",
  );
}
