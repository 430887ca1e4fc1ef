import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { moveCursors, type Position, readOutbox } from "../../../src/events/publisher/outbox-cursor.ts";
import { createTestDatabase } from "../../support/postgres.ts";
import { logEvents } from "../log-events.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;

beforeEach(async () => {
  database = await createTestDatabase();
  await database.knex.raw("insert into lease values ('job', 'me', now() + interval '1 minute')");
});
afterEach(() => database.drop());

const read = (except: string[] = []) => readOutbox(database.knex, "kafka", except);
const move = (positions: Position[], holder = "me") =>
  moveCursors(database.knex, { reader: "kafka", lease: "job", holder, positions });
const cursor = async (organizationId: string) =>
  (
    await database.knex("event_cursor").where({ reader: "kafka", organization_id: organizationId }).pluck("revision")
  )[0];

function countByOrganization(events: readonly Position[]): Record<string, number> {
  const groups = Object.entries(Object.groupBy(events, ({ organizationId }) => organizationId));
  return Object.fromEntries(groups.map(([organizationId, group]) => [organizationId, group?.length ?? 0]));
}

describe("readEvents", () => {
  test("an organization that waits alone gets a whole batch, and goes on from the cursor", async () => {
    await logEvents(database.knex, "busy", 505);
    const { events } = await read();
    expect(events.map(({ revision }) => revision)).toEqual(
      Array.from({ length: 500 }, (_, index) => BigInt(index + 1)),
    );
    await move([{ organizationId: "busy", revision: 500n }]);
    expect((await read()).events.map(({ revision }) => revision)).toEqual([501n, 502n, 503n, 504n, 505n]);
  });

  test("a busy organization leaves room for the others", async () => {
    await logEvents(database.knex, "busy", 300);
    for (const quiet of ["a", "b", "z"]) await logEvents(database.knex, quiet, 2);
    const { events, missing } = await read();
    expect(countByOrganization(events)).toEqual({ a: 2, b: 2, busy: 125, z: 2 });
    expect(missing).toEqual([]);
  });

  test("of more organizations than fit a batch those served longest ago come first", async () => {
    const names = Array.from({ length: 130 }, (_, index) => `org-${String(index).padStart(3, "0")}`);
    for (const name of names) await logEvents(database.knex, name, 10);
    const served = new Map<string, number>();
    for (let pass = 0; pass < 4; pass += 1) {
      const { events } = await read();
      const last = new Map(events.map(({ organizationId, revision }) => [organizationId, revision]));
      for (const name of last.keys()) served.set(name, (served.get(name) ?? 0) + 1);
      await move([...last].map(([organizationId, revision]) => ({ organizationId, revision })));
    }
    expect(served.size).toBe(130);
    expect(Math.max(...served.values()) - Math.min(...served.values())).toBeLessThanOrEqual(1);
  });

  test.each([
    { where: "at the cursor", lost: 1, given: [] },
    { where: "later on", lost: 3, given: [1n, 2n] },
    { where: "at the end", lost: 5, given: [1n, 2n, 3n, 4n] },
  ])("an event that is missing $where ends what is given and is told", async ({ lost, given }) => {
    await logEvents(database.knex, "damaged", 5);
    await logEvents(database.knex, "whole", 2);
    await database.knex("event").where({ organization_id: "damaged", revision: lost }).delete();
    const { events, missing } = await read();
    if (lost < 5) expect(missing).toEqual([{ organizationId: "damaged", revision: BigInt(lost) }]);
    const of = (name: string) =>
      events.filter(({ organizationId }) => organizationId === name).map(({ revision }) => revision);
    expect(of("damaged")).toEqual(given);
    expect(of("whole")).toEqual([1n, 2n]);
    await move([{ organizationId: "damaged", revision: BigInt(lost - 1) }]);
    expect((await read()).missing).toEqual([{ organizationId: "damaged", revision: BigInt(lost) }]);
    expect((await read(["damaged"])).missing).toEqual([]);
  });
});

describe("moveCursors", () => {
  test("never moves back", async () => {
    await move([{ organizationId: "acme", revision: 7n }]);
    expect(await move([{ organizationId: "acme", revision: 3n }])).toBe(true);
    expect(await cursor("acme")).toBe(7n);
  });

  test("moves nothing for one who does not hold the lease, or whose lease has expired", async () => {
    expect(await move([{ organizationId: "acme", revision: 1n }], "somebody else")).toBe(false);
    await database.knex("lease").update({ expires_at: new Date(Date.now() - 1000) });
    expect(await move([{ organizationId: "acme", revision: 1n }])).toBe(false);
    expect(await cursor("acme")).toBeUndefined();
  });
});
