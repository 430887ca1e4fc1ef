import { create } from "@bufbuild/protobuf";
import type { Knex } from "knex";
import {
  ConnectionChange,
  type WatchConnectionsResponse,
  WatchConnectionsResponseSchema,
} from "../../../gen/connectory/v1/connection_service_pb.js";
import { type ChangeStream, createChangeStream } from "../../events/watch/change-stream.ts";
import { connectionFromEvent } from "../connection-from-event.ts";

/** The changes of connections as messages of WatchConnections. Each message is created once for all subscribers. */
export type ConnectionChangeStream = ChangeStream<WatchConnectionsResponse>;

/** The maximum number of watches. An idle one costs some 20 kB; one organization gets at most a quarter of them. */
const maxSubscriptions = { total: 2000, perOrganization: 500 };

/** Returns the change stream of connections; it uses no database connection before the first subscription. */
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
