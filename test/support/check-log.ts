import type { Knex } from "knex";
import { expect } from "vitest";
import type { EventMessage } from "../../src/events/publisher/event-sink.ts";

interface LoggedEvent {
  readonly id: string;
  readonly revision: bigint;
  readonly type: string;
  readonly subject: string;
  readonly key: string;
}

/** What the database says after a load: its connections and, in the order of revisions, its events. */
export async function readLog(knex: Knex): Promise<{ ids: Set<string>; events: LoggedEvent[] }> {
  const ids = new Set(await knex("connection").pluck<string[]>("id"));
  const events: LoggedEvent[] = await knex("event")
    .orderBy("revision")
    .select("id", "revision", "type", "subject", "key");
  return { ids, events };
}

/** Every connection has exactly one event that says it was created, and revisions have no gap. */
export function expectSoundLog({ ids, events }: Awaited<ReturnType<typeof readLog>>): void {
  expect(events.map(({ revision }) => revision)).toEqual(events.map((_, index) => BigInt(index + 1)));
  const created = events.filter(({ type }) => type === "connection.created").map(({ subject }) => subject);
  expect(created).toHaveLength(ids.size);
  expect(new Set(created)).toEqual(ids);
}

/**
 * Kafka has every event at least once, and the first copies of the events of one key stand in the order of their
 * revisions. `messages` are of one or more topics in which each event stands once, partition after partition.
 */
export function expectAllPublished(events: readonly LoggedEvent[], messages: readonly EventMessage[]): void {
  const revisionsOfKey = new Map<string, bigint[]>();
  const seen = new Set<string>();
  for (const { key, headers } of messages) {
    const revision = headers.ce_revision ?? "";
    if (seen.has(revision)) continue;
    seen.add(revision);
    revisionsOfKey.set(key, [...(revisionsOfKey.get(key) ?? []), BigInt(revision)]);
  }
  expect(seen.size).toBe(events.length);
  for (const { revision } of events)
    if (!seen.has(String(revision))) throw new Error(`revision ${revision} is not in Kafka`);
  for (const [key, revisions] of revisionsOfKey)
    expect([key, revisions]).toEqual([key, revisions.toSorted((a, b) => (a < b ? -1 : 1))]);
}
