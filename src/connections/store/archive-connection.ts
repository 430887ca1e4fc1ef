import type { Knex } from "knex";
import { runTransaction } from "../../database/run-transaction.ts";
import { appendEvent } from "../../events/log/append-event.ts";
import type { Actor } from "../../interceptors/event-actor.ts";
import { type ConnectionRecord, connectionColumns, toConnectionJson } from "../connection-record.ts";

/** The connection to be archived; with `participant` only if that user takes part in it. */
export interface ConnectionToArchive {
  readonly id: string;
  readonly participant: string | undefined;
}

/** Sets a connection inactive, together with its event. Returns undefined when there is no such active connection. */
export function archiveConnection(
  knex: Knex,
  { organizationId, userId, requestId, traceparent, tracestate }: Actor,
  { id, participant }: ConnectionToArchive,
): Promise<{ record: ConnectionRecord; revision: bigint } | undefined> {
  return runTransaction(knex, async (trx) => {
    const { rows } = await trx.raw<{ rows: ConnectionRecord[] }>(
      // A connection that the caller may not see is not locked either: the time of the lock would reveal its existence.
      // `is_active` is checked below and not in the statement: there the planner may prefer an index of active connections to
      // that of ids.
      `select ${connectionColumns} from connection where organization_id = :organizationId and id = :id
         and (cast(:participant as text) is null or :participant in (user_id_1, user_id_2)) for update`,
      { organizationId, id, participant: participant ?? null },
    );
    const [before] = rows;
    if (before?.isActive !== true) return undefined;
    const now = new Date();
    const record: ConnectionRecord = {
      ...before,
      isActive: false,
      recordVersion: before.recordVersion + 1,
      updatedAt: now,
      archivedAt: now,
    };
    await trx("connection")
      .where({ organization_id: organizationId, id })
      .update({ is_active: false, record_version: record.recordVersion, updated_at: now, archived_at: now });
    const revision = await appendEvent(trx, organizationId, {
      type: "connection.deleted",
      subject: record.id,
      key: `${record.userId1},${record.userId2}`,
      actor: userId,
      requestId,
      traceparent,
      tracestate,
      occurredAt: now,
      data: { connection: toConnectionJson(record), old_connection: toConnectionJson(before) },
    });
    return { record, revision };
  });
}
