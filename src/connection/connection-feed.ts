import { create } from "@bufbuild/protobuf";
import type { Knex } from "knex";
import {
  ConnectionChange,
  type WatchConnectionsResponse,
  WatchConnectionsResponseSchema,
} from "../../gen/connectory/v1/connection_service_pb.js";
import { createEventTail, type EventTail } from "../events/event-tail.ts";
import { readEvent } from "./read-event.ts";

/** What happens to connections, as WatchConnections tells it. A message is made once for all who follow. */
export type ConnectionFeed = EventTail<WatchConnectionsResponse>;

/** A quiet watch costs some 20 kB and nothing else; half of them are left to others, whatever one organization does. */
const maxFollowers = { total: 2000, perOrganization: 500 };

export function createConnectionFeed(knex: Knex): ConnectionFeed {
  return createEventTail({
    knex,
    types: ["connection.created", "connection.deleted"],
    toChange: ({ revision, type, data }) =>
      create(WatchConnectionsResponseSchema, {
        connection: readEvent(data),
        change: type === "connection.deleted" ? ConnectionChange.DELETED : ConnectionChange.CREATED,
        revision,
      }),
    maxFollowers,
  });
}
