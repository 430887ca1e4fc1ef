import { readFileSync } from "node:fs";
import { join } from "node:path";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failureOf } from "../expect-error.ts";
import { startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
beforeAll(async () => {
  service = await startProfileService();
});
afterAll(() => service.drop());

const kafka = (bootstrapServers = "broker1:9092,broker2:9092") => ({
  connector: { case: "kafka" as const, value: { bootstrapServers } },
});

const certificate = readFileSync(join(import.meta.dirname, "../../support/certificates/authority.pem"), "utf8");
const postgresWith = (ca: string) => ({
  connector: { case: "postgres" as const, value: { host: "db", username: "u", tls: { ca } } },
});

describe("the connectors", () => {
  test("are listed and read", async () => {
    const client = service.clientOf("acme");
    const { connectors } = await client.listConnectors({});
    expect(connectors).toHaveLength(26);
    for (const one of connectors) expect((await client.getConnector({ id: one.id })).connector).toEqual(one);
    expect(await failureOf(client.getConnector({ id: "nope" }))).toMatchObject({
      code: "NotFound",
      reason: "CONNECTOR_NOT_FOUND",
    });
  });
});

describe("a profile", () => {
  test("is created as the seed shows it, and read back", async () => {
    const client = service.clientOf("seed", "ann");
    const request = { name: "my-kafka-cluster", connector: "kafka", config: kafka() };
    const before = Date.now();
    const { connectionProfile: created } = await client.createConnectionProfile(request);
    expect(created).toMatchObject({
      name: "my-kafka-cluster",
      connector: "kafka",
      description: "broker1:9092,broker2:9092",
      revision: 1n,
      etag: "r1",
      createdBy: "ann",
      updatedBy: "ann",
    });
    expect(created?.id).toMatch(/^cp_[0-9A-Za-z]{20}$/);
    expect(created?.config?.connector.value).toMatchObject({ bootstrapServers: "broker1:9092,broker2:9092" });
    expect(created?.secrets.map(({ path }) => path)).toEqual(expect.arrayContaining(["sasl.password", "tls.key"]));
    expect(created?.secrets.some(({ set }) => set)).toBe(false);
    const times = [before, timestampMs(created?.createdAt ?? never), Date.now()];
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const { connectionProfile: read } = await client.getConnectionProfile({ id: created?.id ?? "" });
    expect(read).toEqual(created);
  });

  test("takes its connector from the configuration when the request does not name it", async () => {
    const { connectionProfile } = await service
      .clientOf("named")
      .createConnectionProfile({ name: "a", config: kafka() });
    expect(connectionProfile?.connector).toBe("kafka");
  });

  test.each([
    [{ connector: "kafak" }, "CONNECTOR_UNKNOWN", ["connector"]],
    [{ connector: "nexmark" }, "CONNECTOR_WITHOUT_PROFILE", ["connector"]],
    [{ connector: "constructor" }, "CONNECTOR_UNKNOWN", ["connector"]],
    [{ connector: "postgres" }, "CONNECTOR_MISMATCH", ["connector"]],
    [{ name: "" }, "FIELD_INVALID", ["name"]],
    [{ name: " a" }, "FIELD_INVALID", ["name"]],
    [{ name: "a\u0000b" }, "FIELD_INVALID", ["name"]],
    [{ config: kafka("") }, "FIELD_INVALID", ["config.kafka.bootstrap_servers"]],
    [{ config: kafka("a:70000") }, "FIELD_INVALID", ["config.kafka.bootstrap_servers"]],
    [{ config: postgres({ username: "a\0b" }) }, "FIELD_INVALID", ["config.postgres.username"]],
  ])("with %j is refused with %s", async (wrong, reason, fields) => {
    const client = service.clientOf("strict");
    const call = client.createConnectionProfile({ name: "fine", config: kafka(), ...wrong });
    const refused = await failureOf(call);
    expect(refused).toMatchObject({ code: "InvalidArgument", reason, fields });
    if (reason === "CONNECTOR_UNKNOWN") expect(refused.message).toContain("kafka, mqtt");
    expect((await client.listConnectionProfiles({})).connectionProfiles).toEqual([]);
  });

  test("without configuration is refused", async () => {
    const refused = await failureOf(service.clientOf("strict").createConnectionProfile({ name: "a" }));
    expect(refused).toMatchObject({ reason: "FIELD_INVALID", fields: ["config"] });
  });

  test("has its name alone, also when 50 ask for it at once", async () => {
    const client = service.clientOf("race");
    const calls = Array.from({ length: 50 }, () =>
      client.createConnectionProfile({ name: "one", config: kafka() }).then(
        ({ connectionProfile }) => ({ created: connectionProfile?.id }),
        async (error) => ({ refused: await failureOf(Promise.reject(error)) }),
      ),
    );
    const outcomes = await Promise.all(calls);
    const [winner, ...more] = outcomes.flatMap((outcome) => ("created" in outcome ? [outcome.created] : []));
    expect(more).toEqual([]);
    const refusals = outcomes.flatMap((outcome) => ("refused" in outcome ? [outcome.refused] : []));
    expect(refusals).toHaveLength(49);
    for (const refusal of refusals)
      expect(refusal).toMatchObject({
        code: "AlreadyExists",
        reason: "PROFILE_NAME_TAKEN",
        metadata: { id: winner },
      });
    const events = await service.knex("event").where({ organization_id: "race" });
    expect(events).toHaveLength(1);
  });

  test("can have a name that another organization uses, and that a deleted one had", async () => {
    const [one, other] = [service.clientOf("names-1"), service.clientOf("names-2")];
    const { connectionProfile } = await one.createConnectionProfile({ name: "same", config: kafka() });
    await other.createConnectionProfile({ name: "same", config: kafka() });
    await one.deleteConnectionProfile({ id: connectionProfile?.id ?? "" });
    await one.createConnectionProfile({ name: "same", config: kafka() });
  });
});

describe("another organization's profile", () => {
  test("does not exist", async () => {
    const { connectionProfile } = await service
      .clientOf("mine")
      .createConnectionProfile({ name: "private", config: kafka() });
    const id = connectionProfile?.id ?? "";
    const other = service.clientOf("theirs");
    const calls = [
      other.getConnectionProfile,
      other.updateConnectionProfile,
      other.deleteConnectionProfile,
      other.undeleteConnectionProfile,
      other.expungeConnectionProfile,
      other.listConnectionProfileRevisions,
      other.rollbackConnectionProfile,
      other.testConnectionProfile,
      other.discoverConnectionProfile,
    ];
    for (const call of calls)
      expect(await failureOf(call({ id }))).toMatchObject({ code: "NotFound", reason: "PROFILE_NOT_FOUND" });
    expect((await other.listConnectionProfiles({})).connectionProfiles).toEqual([]);
  });
});

/** A PEM text as long as so many certificates, with fewer in it than are taken: the rest is text between them. */
function largeAs(certificates: number): string {
  return `${certificate}\n${"a".repeat(certificate.length * (certificates - 1))}`;
}

test("a configuration that an event could not carry is refused, in bytes and not in characters", async () => {
  const client = service.clientOf("limits");
  const tooLarge = [postgresWith(largeAs(400)), postgresWith(`${certificate}\n${"\u{1f9d1}".repeat(60_000)}`)];
  for (const config of tooLarge)
    expect(await failureOf(client.createConnectionProfile({ name: "big", config }))).toMatchObject({
      reason: "FIELD_INVALID",
      fields: ["config"],
    });
});

describe("the list", () => {
  test("has every profile once, by name bytewise, page by page", async () => {
    const client = service.clientOf("pages");
    const names = ["b", "a", "B", "ä", "a b", "z".repeat(100), "0"];
    for (const name of names) await client.createConnectionProfile({ name, config: kafka() });
    const listed: string[] = [];
    let pageToken = "";
    do {
      const page = await client.listConnectionProfiles({ pageSize: 3, pageToken });
      expect(page.connectionProfiles.length).toBeLessThanOrEqual(3);
      listed.push(...page.connectionProfiles.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(listed).toEqual(names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  });

  test("ends a page of large profiles early, and loses none", async () => {
    const client = service.clientOf("large");
    const names = Array.from({ length: 12 }, (_, index) => `p${String(index).padStart(2, "0")}`);
    for (const name of names) await client.createConnectionProfile({ name, config: postgresWith(largeAs(320)) });
    const pages: string[][] = [];
    let pageToken = "";
    do {
      const page = await client.listConnectionProfiles({ pageSize: 1000, pageToken });
      pages.push(page.connectionProfiles.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(pages.flat()).toEqual(names);
    expect(pages.map(({ length }) => length)).toEqual([6, 6]);
  });

  test("takes page sizes above the limit for the limit, and 0 for the default", async () => {
    const client = service.clientOf("sizes");
    for (let index = 0; index < 51; index += 1)
      await client.createConnectionProfile({ name: `p${index}`, config: kafka() });
    expect((await client.listConnectionProfiles({})).connectionProfiles).toHaveLength(50);
    const all = await client.listConnectionProfiles({ pageSize: 2_000_000_000 });
    expect(all.connectionProfiles).toHaveLength(51);
    expect(all.nextPageToken).toBe("");
    expect(await failureOf(client.listConnectionProfiles({ pageSize: -1 }))).toMatchObject({ fields: ["page_size"] });
  });

  test("takes no token of another organization, nor one that was changed", async () => {
    const [one, other] = [service.clientOf("sizes"), service.clientOf("pages")];
    const { nextPageToken: pageToken } = await one.listConnectionProfiles({ pageSize: 1 });
    const wrong = [
      () => other.listConnectionProfiles({ pageToken }),
      () => one.listConnectionProfiles({ pageToken: `${pageToken.slice(0, -2)}AA` }),
      () => one.listConnectionProfiles({ pageToken: "nonsense" }),
    ];
    for (const call of wrong)
      expect(await failureOf(call())).toMatchObject({ code: "InvalidArgument", reason: "PAGE_TOKEN_INVALID" });
  });

  test("survives a row that a later version of the server wrote", async () => {
    const client = service.clientOf("future");
    const { connectionProfile } = await client.createConnectionProfile({ name: "a", config: kafka() });
    await service
      .knex("connection_profile")
      .where({ id: connectionProfile?.id })
      .update({ connector: "teleport", config: JSON.stringify({ teleport: { beam: 1 } }) });
    const { connectionProfiles } = await client.listConnectionProfiles({});
    expect(connectionProfiles.map(({ connector }) => connector)).toEqual(["teleport"]);
    expect(await failureOf(client.testConnectionProfile({ id: connectionProfile?.id ?? "" }))).toMatchObject({
      code: "FailedPrecondition",
      reason: "CONFIG_UNREADABLE",
    });
  });
});

describe("events", () => {
  test("tell of each write with the profile in proto names, keyed by its id", async () => {
    const before = service.writes();
    const client = service.clientOf("events", "ann");
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const headers = { traceparent, "x-request-id": "call-1" };
    const { connectionProfile } = await client.createConnectionProfile({ name: "a", config: kafka() }, { headers });
    const id = connectionProfile?.id ?? "";
    await client.deleteConnectionProfile({ id }, { headers: { traceparent: "nonsense" } });
    const events = await service.knex("event").where({ organization_id: "events" }).orderBy("revision");
    expect(events).toMatchObject([
      {
        revision: 1n,
        type: "connection-profile.created",
        subject: id,
        key: id,
        actor: "ann",
        request_id: "call-1",
        traceparent,
        data: {
          connection_profile: { id, name: "a", config: { kafka: { bootstrap_servers: "broker1:9092,broker2:9092" } } },
        },
      },
      {
        revision: 2n,
        type: "connection-profile.deleted",
        subject: id,
        traceparent: null,
        data: { connection_profile: { id, revision: "1", etag: "r1" } },
      },
    ]);
    expect(service.writes() - before).toBe(2);
  });
});

const never = { $typeName: "google.protobuf.Timestamp" as const, seconds: 0n, nanos: 0 };

function postgres(change: { username?: string; password?: string }) {
  const value = { host: "db.example", username: "ann", ...change };
  return { connector: { case: "postgres" as const, value } };
}
