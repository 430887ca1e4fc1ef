import { randomUUID } from "node:crypto";
import type { Knex } from "knex";
import { appendEvent, type NewEvent } from "../../src/events/log/append-event.ts";

/** An event of a connection between two users, as the service would log it. */
export function connectionCreated(userId1 = "alice", userId2 = "bob", change: Partial<NewEvent> = {}): NewEvent {
  const id = randomUUID();
  return {
    type: "connection.created",
    subject: id,
    key: `${userId1},${userId2}`,
    actor: userId1,
    requestId: randomUUID(),
    occurredAt: new Date(),
    data: { connection: { id, userId1, userId2, isActive: true, recordVersion: 1 } },
    ...change,
  };
}

/** Logs `count` events of an organization in one transaction, over a few pairs of users. */
export async function logEvents(knex: Knex, organizationId: string, count: number): Promise<void> {
  await knex.transaction(async (trx) => {
    for (let index = 0; index < count; index += 1)
      await appendEvent(trx, organizationId, connectionCreated("alice", `user-${index % 7}`));
  });
}
