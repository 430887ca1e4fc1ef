import type { Knex } from "knex";
import { coalesce } from "../../concurrency/coalesce.ts";
import { createOrganizationLimiter, type OrganizationLimits } from "../../concurrency/organization-limiter.ts";
import { paceExpensiveRuns } from "../../concurrency/pace-expensive-runs.ts";
import { createRecentOrganizations } from "../../concurrency/recent-organizations.ts";
import { measureBatches } from "../../database/batch-metrics.ts";
import type { Actor } from "../../interceptors/event-actor.ts";
import { silent, type Telemetry } from "../../telemetry/telemetry.ts";
import type { ConnectionRecord, InsertedConnection, NewConnection } from "../connection-record.ts";
import { archiveConnection, type ConnectionToArchive } from "./archive-connection.ts";
import { batchInserts } from "./batch-inserts.ts";
import { checkPairs, type PairsToCheck } from "./check-pairs.ts";
import { countUserConnections } from "./count-user-connections.ts";
import { type ConnectionKey, findConnections } from "./find-connections.ts";
import { insertConnections } from "./insert-connections.ts";
import { listMutualUsers, type Mutual, type MutualQuery } from "./list-mutual-users.ts";
import { type ListCursor, listUserConnections } from "./list-user-connections.ts";

/**
 * The database access of ConnectionService's handlers. A call that still waits when its `signal` is aborted is not sent to the
 * database.
 */
export interface ConnectionRepository {
  insert(connection: NewConnection, signal?: AbortSignal): Promise<InsertedConnection>;
  find(key: ConnectionKey, signal?: AbortSignal): Promise<ConnectionRecord | undefined>;
  list(wanted: {
    organizationId: string;
    userId: string;
    limit: number;
    cursor: ListCursor | undefined;
  }): Promise<ConnectionRecord[]>;
  count(wanted: { organizationId: string; userId: string }, signal?: AbortSignal): Promise<number>;
  /** Returns for each pair the id of its active connection, all from one snapshot. */
  check(wanted: PairsToCheck, signal?: AbortSignal): Promise<readonly (string | undefined)[]>;
  mutual(wanted: MutualQuery, signal?: AbortSignal): Promise<readonly Mutual[]>;
  archive(
    caller: Actor,
    wanted: ConnectionToArchive,
  ): Promise<{ record: ConnectionRecord; revision: bigint } | undefined>;
}

/**
 * Two batches at a time: while the first waits for its fsync the second does its inserts, and only then waits for the same
 * organization's lock (64 callers: 5.5 thousand creates/s with two, 4.7 with one). Further batches would only wait for that
 * lock.
 */
const writes = { maxBatch: 128, maxRunning: 2, maxWaiting: 10_000 };
const reads = { maxBatch: 256, maxRunning: 2, maxWaiting: 20_000 };
/**
 * Limits of counts, checks and mutual lists: each is a separate statement that may read thousands of rows. Two thirds of the
 * pool's connections, at most 6, serve them; one organization gets at most half of those.
 */
function longReads(knex: Knex): OrganizationLimits {
  const poolMax: number = knex.client.config.pool.max;
  const total = Math.max(1, Math.min(6, Math.floor((poolMax * 2) / 3)));
  return { total, perOrganization: Math.max(1, Math.floor(total / 2)), maxWaiting: 1000 };
}

/**
 * A page of the mutual connections of two users with 12 000 takes 20 ms of a processor, and one of ordinary users 1 ms. Six
 * callers of such pages on two cores left another organization 0.39 of its rate (`npm run bench -- --only neighbours`).
 */
const longReadPace = { cheapMs: 10, pauseFactor: 9, maxPauseMs: 500, rememberMs: 10_000 };

/** Callbacks and telemetry of the connection repository. */
export interface ConnectionRepositoryOptions {
  /** Called after each commit, so that readers of the event log need not wait for their next poll. Default: none. */
  readonly onCommit?: () => void;
  /** Receives the sizes and durations of batches. Default: none. */
  readonly telemetry?: Telemetry;
  /** Called with the time that a call waited in a queue, in milliseconds. Default: none. */
  readonly queueWaited?: (ms: number) => void;
  /** Called when creates of an organization were not written because another transaction holds its locks. Default: none. */
  readonly lockHeld?: (organizationId: string) => void;
}

/**
 * Returns the repository: inserts and finds of concurrent calls are joined into batches, long reads are limited per
 * organization.
 */
export function createConnectionRepository(
  knex: Knex,
  {
    onCommit = () => {},
    telemetry = silent,
    queueWaited = () => {},
    lockHeld = () => {},
  }: ConnectionRepositoryOptions = {},
): ConnectionRepository {
  const batches = measureBatches(telemetry);
  const announce = <T>(result: T): T => {
    onCommit();
    return result;
  };
  const recent = createRecentOrganizations();
  const runLong = paceExpensiveRuns(
    createOrganizationLimiter(longReads(knex), queueWaited),
    longReadPace,
    recent.areSeveral,
  );
  const long =
    <Wanted extends { organizationId: string }, Found>(read: (knex: Knex, wanted: Wanted) => Promise<Found>) =>
    (wanted: Wanted, signal?: AbortSignal) => {
      recent.note(wanted.organizationId);
      return runLong(wanted.organizationId, () => read(knex, wanted), signal);
    };
  const write = (items: readonly NewConnection[]) =>
    batches.write("insert-connections", items, () => insertConnections(knex, items).then(announce));
  const insert = batchInserts(write, writes, { waited: queueWaited, lockHeld });
  const find = coalesce<ConnectionKey, ConnectionRecord | undefined>(
    (keys) => {
      batches.count("find-connections", keys.length);
      return findConnections(knex, keys) as Promise<(ConnectionRecord | Error)[]>;
    },
    reads,
    queueWaited,
  );
  return {
    insert: (connection, signal) => {
      recent.note(connection.caller.organizationId);
      return insert(connection, signal);
    },
    find: (key, signal) => {
      recent.note(key.organizationId);
      return find(key, signal);
    },
    count: long(countUserConnections),
    check: long(checkPairs),
    mutual: long(listMutualUsers),
    list: (wanted) => {
      recent.note(wanted.organizationId);
      return listUserConnections(knex, wanted);
    },
    archive: (caller, wanted) => archiveConnection(knex, caller, wanted).then(announce),
  };
}
