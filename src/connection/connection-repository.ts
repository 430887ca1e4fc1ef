import type { Knex } from "knex";
import { coalesce } from "../database/coalesce.ts";
import type { Caller } from "../interceptors/caller.ts";
import { archiveConnection } from "./archive-connection.ts";
import type { ConnectionRecord } from "./connection-record.ts";
import { type ConnectionKey, findConnections } from "./find-connections.ts";
import { insertConnections, type NewConnection, type Written } from "./insert-connections.ts";
import { type ListCursor, listOfUser } from "./list-of-user.ts";

/** All that the verbs of ConnectionService ask of the database. */
export interface ConnectionRepository {
  insert(connection: NewConnection): Promise<Written>;
  find(key: ConnectionKey): Promise<ConnectionRecord | undefined>;
  list(wanted: {
    organizationId: string;
    userId: string;
    limit: number;
    cursor: ListCursor | undefined;
  }): Promise<ConnectionRecord[]>;
  archive(caller: Caller, id: string): Promise<{ record: ConnectionRecord; revision: bigint } | undefined>;
}

/**
 * Two batches at a time: while the first waits for its fsync the second does its inserts, and only then waits for the
 * same organization's lock (64 callers: 5.5 thousand creates/s with two, 4.7 with one). More would only queue there.
 */
const writes = { maxBatch: 128, maxRunning: 2, maxWaiting: 10_000 };
const reads = { maxBatch: 256, maxRunning: 2, maxWaiting: 20_000 };

/** `wrote` is called after each commit, so that readers of the event log need not wait for their next poll. */
export function createConnectionRepository(knex: Knex, wrote: () => void): ConnectionRepository {
  const announce = <T>(result: T): T => {
    wrote();
    return result;
  };
  return {
    insert: coalesce<NewConnection, Written>((items) => insertConnections(knex, items).then(announce), writes),
    find: coalesce<ConnectionKey, ConnectionRecord | undefined>(
      (keys) => findConnections(knex, keys) as Promise<(ConnectionRecord | Error)[]>,
      reads,
    ),
    list: (wanted) => listOfUser(knex, wanted),
    archive: (caller, id) => archiveConnection(knex, caller, id).then(announce),
  };
}
