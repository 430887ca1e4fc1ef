import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { appendEvent } from "../../../src/events/log/append-event.ts";
import { createTestDatabase } from "../../support/postgres.ts";
import { connectionCreated } from "../log-events.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe("appendEvent", () => {
  test("200 at once in four organizations: revisions 1 to 50 in each, none missing, none twice", async () => {
    const { knex } = database;
    const organizations = ["one", "two", "three", "four"];
    const append = (index: number) =>
      knex.transaction((trx) => appendEvent(trx, organizations[index % 4] as string, connectionCreated()));
    const given = await Promise.all(Array.from({ length: 200 }, (_, index) => append(index)));
    const expected = Array.from({ length: 50 }, (_, index) => BigInt(index + 1));
    for (const [position, organization] of organizations.entries()) {
      const answered = given.filter((_, index) => index % 4 === position);
      const logged = await knex("event").where("organization_id", organization).orderBy("revision").pluck("revision");
      expect(answered.toSorted((a, b) => Number(a - b))).toEqual(expected);
      expect(logged).toEqual(expected);
    }
  });

  test("a transaction that is rolled back leaves no event and no gap", async () => {
    const { knex } = database;
    await knex.transaction((trx) => appendEvent(trx, "undone", connectionCreated()));
    const undone = knex.transaction(async (trx) => {
      await appendEvent(trx, "undone", connectionCreated());
      throw new Error("changed my mind");
    });
    await expect(undone).rejects.toThrow("changed my mind");
    expect(await knex.transaction((trx) => appendEvent(trx, "undone", connectionCreated()))).toBe(2n);
    expect(await knex("event").where("organization_id", "undone").orderBy("revision").pluck("revision")).toEqual([
      1n,
      2n,
    ]);
  });

  test("the row is what was given, with an id of version 7", async () => {
    const { knex } = database;
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const event = connectionCreated("a", "b", { traceparent });
    await knex.transaction((trx) => appendEvent(trx, "whole", event));
    const [row] = await knex("event").where("organization_id", "whole");
    expect(row).toEqual({
      organization_id: "whole",
      revision: 1n,
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      type: event.type,
      subject: event.subject,
      key: "a,b",
      actor: "a",
      request_id: event.requestId,
      traceparent,
      tracestate: null,
      occurred_at: event.occurredAt,
      data: event.data,
    });
  });
});
