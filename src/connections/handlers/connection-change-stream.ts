import { create } from "@bufbuild/protobuf";
import type { Knex } from "knex";
import {
  ConnectionChange,
  type WatchConnectionsResponse,
  WatchConnectionsResponseSchema,
} from "../../../gen/connectory/v1/connection_service_pb.js";
import { type ChangeStream, createChangeStream } from "../../events/watch/change-stream.ts";
import { connectionFromEvent } from "../connection-from-event.ts";

/** What happens to connections, as WatchConnections tells it. A message is made once for all who follow. */
export type ConnectionChangeStream = ChangeStream<WatchConnectionsResponse>;

/** A quiet watch costs some 20 kB and nothing else; half of them are left to others, whatever one organization does. */
const maxSubscriptions = { total: 2000, perOrganization: 500 };

export function createConnectionChangeStream(knex: Knex): ConnectionChangeStream {
  return createChangeStream({
    knex,
    types: ["connection.created", "connection.deleted"],
    toChange: ({ revision, type, data }) =>
      create(WatchConnectionsResponseSchema, {
        connection: connectionFromEvent(data),
        change: type === "connection.deleted" ? ConnectionChange.DELETED : ConnectionChange.CREATED,
        revision,
      }),
    maxSubscriptions,
  });
}
