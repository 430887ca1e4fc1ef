import type { Knex } from "knex";
import { appendEvent } from "../events/append-event.ts";
import type { Caller } from "../interceptors/caller.ts";
import { type ConnectionRecord, connectionColumns, toConnectionJson } from "./connection-record.ts";

/** Sets a connection inactive, together with its event. Undefined when there is no such active connection. */
export function archiveConnection(
  knex: Knex,
  { organizationId, userId, requestId, traceparent, tracestate }: Caller,
  id: string,
): Promise<{ record: ConnectionRecord; revision: bigint } | undefined> {
  return knex.transaction(async (trx) => {
    const { rows } = await trx.raw<{ rows: ConnectionRecord[] }>(
      `select ${connectionColumns} from connection where organization_id = ? and id = ? and is_active for update`,
      [organizationId, id],
    );
    const [before] = rows;
    if (before === undefined) return undefined;
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
