import { create, type JsonObject } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Connection, ConnectionSchema } from "../../gen/connectory/v1/connection_pb.js";
import type { Actor } from "../interceptors/event-actor.ts";

/** A row of the table `connection`, without its organization. Times have millisecond precision. */
export interface ConnectionRecord {
  readonly id: string;
  readonly userId1: string;
  readonly userId2: string;
  readonly connectedSince: Date;
  readonly isActive: boolean;
  readonly recordVersion: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly archivedAt: Date | null;
  readonly owner: string;
}

/** A connection to be written, and the caller who writes it. */
export interface NewConnection {
  readonly caller: Actor;
  readonly record: ConnectionRecord;
  /** The signal of the call: a connection whose signal is aborted before its batch starts is not written. */
  readonly signal: AbortSignal;
  /** Set for a create under a request_id. Default: none. */
  readonly idempotency?: {
    readonly requestId: string;
    /** Derived from the request_id. */
    readonly eventId: string;
    /** True when the id of the connection is derived from the request_id too. */
    readonly idDerived: boolean;
    /** True when the request has no `connected_since`. */
    readonly sinceNow: boolean;
  };
}

/**
 * The revision of the organization after the write; `first` is the connection of the first request where this one is a replay.
 */
export type InsertedConnection = { readonly revision: bigint; readonly first?: Connection };

/** The columns of a ConnectionRecord, in the order in which every statement selects them. */
export const connectionColumns = `
  id, user_id_1 as "userId1", user_id_2 as "userId2", connected_since as "connectedSince", is_active as "isActive",
  record_version as "recordVersion", created_at as "createdAt", updated_at as "updatedAt", archived_at as "archivedAt", owner`;

/** Returns the record as the message of the API. */
export function toConnection(record: ConnectionRecord): Connection {
  const { archivedAt, ...rest } = record;
  return create(ConnectionSchema, {
    id: rest.id,
    userId1: rest.userId1,
    userId2: rest.userId2,
    isActive: rest.isActive,
    recordVersion: rest.recordVersion,
    owner: rest.owner,
    connectedSince: timestampFromDate(rest.connectedSince),
    createdAt: timestampFromDate(rest.createdAt),
    updatedAt: timestampFromDate(rest.updatedAt),
    ...(archivedAt === null ? {} : { archivedAt: timestampFromDate(archivedAt) }),
  });
}

/** Returns the record as events contain it: the JSON form of the Connection message (a test compares the two). */
export function toConnectionJson({ owner, archivedAt, ...rest }: ConnectionRecord): JsonObject {
  return {
    id: rest.id,
    connectedSince: rest.connectedSince.toISOString(),
    userId1: rest.userId1,
    userId2: rest.userId2,
    isActive: rest.isActive,
    recordVersion: rest.recordVersion,
    createdAt: rest.createdAt.toISOString(),
    updatedAt: rest.updatedAt.toISOString(),
    _owner: owner,
    ...(archivedAt === null ? {} : { _archivedAt: archivedAt.toISOString() }),
  };
}
