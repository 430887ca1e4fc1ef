import { randomUUID } from "node:crypto";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ValidationMode } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { eraseExpunged } from "../../../src/connection-profiles/store/erase-events.ts";
import { toCloudEvents } from "../../../src/events/publisher/cloud-events.ts";
import { readOutbox } from "../../../src/events/publisher/outbox-cursor.ts";
import { canary } from "../../support/canary.ts";
import { tablesWith } from "../../support/tables-with.ts";
import { startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
let beforeEnd: () => Promise<unknown> = async () => undefined;
beforeAll(async () => {
  service = await startProfileService({
    runTest: async ({ connector, config }) => {
      await beforeEnd();
      const [target] = connector.endpoints(config);
      const report = {
        $typeName: "connectory.v1.TestReport" as const,
        steps: [],
        facts: [
          { $typeName: "connectory.v1.TestFact" as const, endpoint: "", name: "reached", value: target?.host ?? "" },
        ],
      };
      return { error: false, message: "", report: report as never, page: { resources: [], nextCursor: "" } };
    },
  });
});
afterAll(() => service.drop());

/** What a profile holds that is somebody's business. */
function marks() {
  const mark = () => `m${randomUUID().replaceAll("-", "")}`;
  const [name, host, username, label, database] = [mark(), mark(), mark(), mark(), mark()];
  const config = (more: object = {}) => ({
    connector: { case: "postgres" as const, value: { host: `${host}.example`, username, database, ...more } },
  });
  return { name, labels: { [label]: label }, config, all: [name, host, username, label, database] };
}

const eventsOf = (organization: string) =>
  service.knex("event").where({ organization_id: organization }).orderBy("revision");
const tables = async (texts: readonly string[]) =>
  (await Promise.all(texts.map((text) => tablesWith(service.knex, text)))).flat();

describe("a profile that was expunged", () => {
  test("leaves nothing of itself in any column of any table, and the log without a gap", async () => {
    const client = service.clientOf("gone", "ann");
    const { name, labels, config, all } = marks();
    const bystander = marks();
    await client.createConnectionProfile({ name: bystander.name, config: bystander.config() });
    const password = canary("expunged");
    const { connectionProfile } = await client.createConnectionProfile({
      name,
      labels,
      config: config({ password }),
      requestId: randomUUID(),
      validationMode: ValidationMode.LIVE,
    });
    const id = connectionProfile?.id ?? "";
    await client.updateConnectionProfile({
      id,
      config: { connector: { case: "postgres", value: { port: 5433 } } },
      validationMode: ValidationMode.LIVE,
      updateMask: { paths: ["config.postgres.port", "config.postgres.password"] },
    });
    await client.updateConnectionProfile({ id, labels: {}, updateMask: { paths: ["labels"] } });
    await client.testConnectionProfile({ id });
    await client.testConnectionProfile({ id, config: config({ port: 1, password }) });
    await client.rollbackConnectionProfile({ id, revision: connectionProfile?.revision ?? 0n, secrets: {} });
    await client.deleteConnectionProfile({ id });
    await client.undeleteConnectionProfile({ id });
    const before = await eventsOf("gone");
    expect(new Set(await tables(all))).toEqual(
      new Set(["connection_profile", "connection_profile_request", "connection_profile_revision", "event"]),
    );
    const { revision } = await client.expungeConnectionProfile({ id });

    expect(await tables(all)).toEqual([]);
    expect(await tables([bystander.name])).toContain("event");
    const after = await eventsOf("gone");
    const kept = ({ data: _, ...rest }: Record<string, unknown>) => rest;
    expect(after.slice(0, -1).map(kept)).toEqual(before.map(kept));
    expect(after.map((event) => event.revision)).toEqual(after.map((_, index) => BigInt(index + 1)));
    expect(after.at(-1)).toMatchObject({ type: "connection-profile.expunged", subject: id, actor: "ann", revision });
    const own = after.filter(({ subject }) => subject === id);
    expect(own.length).toBe(after.length - 1);
    for (const { data } of own) expect(data).toEqual({ connection_profile: { id, expunged: true } });
  });

  test("is published in its turn, without its content, when it was not published before", async () => {
    const client = service.clientOf("unpublished");
    const { name, labels, config, all } = marks();
    const { connectionProfile } = await client.createConnectionProfile({ name, labels, config: config() });
    const id = connectionProfile?.id ?? "";
    await client.updateConnectionProfile({ id, name: `${name}-2` });
    await client.testConnectionProfile({ id });
    await client.deleteConnectionProfile({ id });
    await client.expungeConnectionProfile({ id });
    const { events, missing } = await readOutbox(service.knex, "reader", ["gone"]);
    expect(missing).toEqual([]);
    const own = events.filter((event) => event.organizationId === "unpublished");
    const messages = own.flatMap((event) => toCloudEvents(event, ""));
    expect(messages.map(({ headers }) => headers.ce_revision)).toEqual(["1", "1", "2", "2", "3", "4", "4", "5", "5"]);
    expect(new Set(messages.map(({ key }) => key))).toEqual(new Set([id]));
    for (const { value } of messages) {
      for (const text of all) expect(value).not.toContain(text);
      expect(value).toContain(`{"id":"${id}","expunged":true`);
    }
  });

  test("is not brought back by a test that ends after it", async () => {
    const client = service.clientOf("outlived");
    const { name, labels, config, all } = marks();
    const { connectionProfile } = await client.createConnectionProfile({ name, labels, config: config() });
    const id = connectionProfile?.id ?? "";
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    let begun = 0;
    beforeEnd = () => {
      begun += 1;
      return gate;
    };
    const running = [client.testConnectionProfile({ id }), client.testConnectionProfile({ id, config: config() })];
    await expect.poll(() => begun).toBe(2);
    await client.expungeConnectionProfile({ id });
    open();
    beforeEnd = async () => undefined;
    await Promise.allSettled(running);
    expect((await eventsOf("outlived")).map(({ type }) => type.split(".")[1])).toEqual([
      "created",
      "expunged",
      "tested",
      "tested",
    ]);
    expect(await tables(all)).toEqual([]);
  });
});

test("what a former version has left of profiles that it expunged is erased at the start, once", async () => {
  const client = service.clientOf("former");
  const kept = marks();
  await client.createConnectionProfile({ name: kept.name, config: kept.config() });
  const all: string[] = [];
  for (let n = 0; n < 3; n += 1) {
    const { name, labels, config, all: texts } = marks();
    all.push(...texts);
    const { connectionProfile } = await client.createConnectionProfile({ name, labels, config: config() });
    const id = connectionProfile?.id ?? "";
    await client.updateConnectionProfile({ id, name: `${name}-2` });
    const own = () => service.knex("event").where({ subject: id });
    const written = await own().orderBy("revision");
    await client.expungeConnectionProfile({ id });
    // As version 0.1 left it: the record in each event, that of the expunge included.
    for (const { revision, data } of written)
      await own()
        .where({ revision })
        .update({ data: JSON.stringify(data) });
    await own()
      .where({ type: "connection-profile.expunged" })
      .update({ data: JSON.stringify(written[0].data) });
  }
  expect(await tables(all)).not.toEqual([]);
  const log = pino({ level: "silent" });
  expect(await eraseExpunged(service.knex, log)).toBe(3);
  expect(await tables(all)).toEqual([]);
  expect(await tables([kept.name])).toContain("event");
  expect(await eraseExpunged(service.knex, log)).toBe(0);
});

test("thousands of events are erased as a few are, and found by an index", async () => {
  const client = service.clientOf("many");
  const { name, config, all } = marks();
  const { connectionProfile } = await client.createConnectionProfile({ name, config: config() });
  await service.knex.raw(
    `insert into event select organization_id, revision + n, gen_random_uuid(), 'connection-profile.tested', subject, key,
       actor, request_id, null, now(), data from event, generate_series(1, 12000) n where organization_id = 'many'`,
  );
  await service.knex("organization").where({ id: "many" }).update({ revision: 12001 });
  await client.expungeConnectionProfile({ id: connectionProfile?.id ?? "" });
  expect(await tables(all)).toEqual([]);
  expect(await service.knex("event").where({ organization_id: "many" }).count()).toEqual([{ count: 12002n }]);
  const { rows } = await service.knex.raw(
    `explain (costs off) update event set data = '{}' where organization_id = 'a' and subject = 'b'
     and type like 'connection-profile.%'`,
  );
  const plan = JSON.stringify(rows);
  expect(plan).toContain("event_of_profile");
});
