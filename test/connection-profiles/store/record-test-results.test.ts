import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { PostgresConfigSchema } from "../../../gen/connectory/v1/postgres_config_pb.js";
import { TestReportSchema, TestStage, TestStatus } from "../../../gen/connectory/v1/test_report_pb.js";
import { recordTestResults } from "../../../src/connection-profiles/store/record-test-results.ts";
import { connectors, findConnector } from "../../../src/connectors/registry.ts";
import { canary } from "../../support/canary.ts";
import { failureOf } from "../expect-error.ts";
import { type ProfileClient, startProfileService } from "../start-profile-service.ts";

const report = create(TestReportSchema, {
  steps: [
    { stage: TestStage.CONNECT, status: TestStatus.FAILED, endpoint: "db.example:5432", code: "CONNECTION_REFUSED" },
  ],
});
const outcome = { error: true, message: "PostgreSQL cannot be used", report, page: { resources: [], nextCursor: "" } };

let service: Awaited<ReturnType<typeof startProfileService>>;
let beforeEnd: () => Promise<unknown> = async () => undefined;
beforeAll(async () => {
  service = await startProfileService({
    limits: { total: 200, perOrganization: 200, perTarget: 200 },
    runTest: async ({ signal }) => {
      await beforeEnd();
      signal.throwIfAborted();
      return outcome;
    },
  });
});
afterAll(() => service.drop());

const postgres = (change: { host?: string; database?: string; password?: string } = {}) => ({
  connector: { case: "postgres" as const, value: { host: "db.example", username: "ann", ...change } },
});

async function createIn(client: ProfileClient) {
  const config = postgres({ password: canary("tried") });
  const { connectionProfile } = await client.createConnectionProfile({ name: "a", config });
  return connectionProfile?.id ?? "";
}

const eventsOf = (organization: string) =>
  service.knex("event").where({ organization_id: organization, type: "connection-profile.tested" }).orderBy("revision");

describe("the last test", () => {
  test("of a saved profile is kept with its report, which lists leave out, and is no write of the profile", async () => {
    const client = service.clientOf("last", "ben");
    const id = await createIn(client);
    const { connectionProfile: before } = await client.getConnectionProfile({ id });
    expect(before?.lastTest).toBeUndefined();
    await client.testConnectionProfile({ id });
    const { connectionProfile: after } = await client.getConnectionProfile({ id });
    expect(after).toMatchObject({ etag: before?.etag, revision: before?.revision, updatedAt: before?.updatedAt });
    expect(after?.lastTest).toMatchObject({
      error: true,
      message: outcome.message,
      testedBy: "ben",
      etag: "r1",
      report,
    });
    const { connectionProfiles } = await client.listConnectionProfiles({});
    expect(connectionProfiles[0]?.lastTest).toMatchObject({ error: true, etag: "r1" });
    expect(connectionProfiles[0]?.lastTest?.report).toBeUndefined();
    const { revisions } = await client.listConnectionProfileRevisions({ id });
    expect(revisions).toHaveLength(1);
    expect(revisions[0]?.connectionProfile?.lastTest).toBeUndefined();
    // An update keeps it: its etag says that it was of an older state.
    const { connectionProfile: updated } = await client.updateConnectionProfile({ id, name: "b" });
    expect([updated?.etag, updated?.lastTest?.etag]).toEqual(["r3", "r1"]);
  });

  test("is not the test of something else: edits, an unsaved configuration, a discovery, an older state", async () => {
    const client = service.clientOf("not-last");
    const id = await createIn(client);
    await client.testConnectionProfile({ id, config: postgres({ database: "shop" }) });
    await client.testConnectionProfile({ config: postgres() });
    expect(await failureOf(client.discoverConnectionProfile({ id }))).toMatchObject({ code: "FailedPrecondition" });
    beforeEnd = () => client.updateConnectionProfile({ id, name: "renamed while it was tested" });
    await client.testConnectionProfile({ id });
    beforeEnd = async () => undefined;
    expect((await client.getConnectionProfile({ id })).connectionProfile?.lastTest).toBeUndefined();
  });
});

describe("the audit", () => {
  test("has an event for every test, saved or not, edited or not, without a secret", async () => {
    const client = service.clientOf("audit", "ann");
    const id = await createIn(client);
    await client.testConnectionProfile({ id });
    await client.testConnectionProfile({ id, config: postgres({ database: "shop" }) });
    await client.testConnectionProfile({ config: postgres({ password: canary("unsaved") }) });
    const events = await eventsOf("audit");
    const endpoints = ["db.example:5432"];
    const steps = [{ stage: "CONNECT", status: "FAILED", endpoint: endpoints[0], code: "CONNECTION_REFUSED" }];
    const testRun = { kind: "test", endpoints, error: true, steps };
    expect(events).toMatchObject([
      {
        subject: id,
        actor: "ann",
        data: {
          connection_profile: { id },
          test: { ...testRun, saved: true, edited: false },
        },
      },
      { subject: id, data: { test: { ...testRun, saved: true, edited: true } } },
      {
        subject: "unsaved",
        data: { connection_profile: { connector: "postgres" }, test: { ...testRun, saved: false } },
      },
    ]);
    expect(JSON.stringify(events.map(({ data }) => data))).not.toContain(canary(""));
  });

  test("has one for a test whose caller went away: it has dialled", async () => {
    const client = service.clientOf("audit-cancelled");
    const id = await createIn(client);
    const gone = new AbortController();
    beforeEnd = async () => gone.abort();
    expect(await failureOf(client.testConnectionProfile({ id }, { signal: gone.signal }))).toMatchObject({
      code: "Canceled",
    });
    beforeEnd = async () => undefined;
    await expect
      .poll(async () => (await eventsOf("audit-cancelled")).map(({ data }) => data.test.cancelled))
      .toEqual([true]);
    expect((await client.getConnectionProfile({ id })).connectionProfile?.lastTest).toBeUndefined();
  });
});

describe("tests that end together", () => {
  test("are all in their organizations' logs, in place, and the last of each profile is kept", async () => {
    const names = ["together-1", "together-2", "together-3"];
    const clients = names.map((name) => service.clientOf(name, "ann"));
    const ids = await Promise.all(clients.map(createIn));
    const gate = Promise.withResolvers<void>();
    let begun = 0;
    beforeEnd = () => {
      begun += 1;
      return gate.promise;
    };
    const tests = Array.from({ length: 90 }, (_, index) =>
      clients[index % 3]?.testConnectionProfile(index < 60 ? { config: postgres() } : { id: ids[index % 3] ?? "" }),
    );
    await expect.poll(() => begun).toBe(90);
    gate.resolve();
    await Promise.all(tests);
    beforeEnd = async () => undefined;
    for (const [index, name] of names.entries()) {
      const events = await eventsOf(name);
      expect(events.map(({ revision }) => revision)).toEqual(Array.from({ length: 30 }, (_, n) => BigInt(n + 2)));
      expect(events.filter(({ subject }) => subject === ids[index])).toHaveLength(10);
      const { connectionProfile } = (await clients[index]?.getConnectionProfile({ id: ids[index] ?? "" })) ?? {};
      expect(connectionProfile?.lastTest).toMatchObject({ etag: "r1", testedBy: "ann" });
    }
  });

  test("fail alone: what the database refuses for one does not hurt the others", async () => {
    const connector = findConnector(connectors, "postgres");
    if (connector === undefined) throw new Error("there is no such connector");
    const config = create(PostgresConfigSchema, { host: "db.example" });
    const testTarget = {
      connector,
      config,
      profile: undefined,
      withoutSecrets: create(ConnectorConfigSchema),
      edited: false,
    };
    const record = (requestId: string) => ({
      caller: { organizationId: "refused", userId: "ann", requestId },
      testTarget,
      testRun: { kind: "test" as const, outcome },
    });
    const results = await recordTestResults(service.knex, ["one", "no text of PostgreSQL: \0", "two"].map(record));
    expect(results).toEqual([undefined, expect.objectContaining({ code: "22021" }), undefined]);
    expect((await eventsOf("refused")).map(({ request_id }) => request_id).sort()).toEqual(["one", "two"]);
  });
});
