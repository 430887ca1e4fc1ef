import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ValidationMode } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { canary } from "../../support/canary.ts";
import { failureOf } from "../expect-error.ts";
import { type ProfileClient, startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
beforeAll(async () => {
  service = await startProfileService();
});
afterAll(() => service.drop());

interface PostgresInit {
  host?: string;
  port?: number;
  username?: string;
  database?: string;
  password?: string;
  tls?: object;
}
const edits = (value: PostgresInit) => ({ connector: { case: "postgres" as const, value } });
const postgres = (value: PostgresInit = {}) => edits({ host: "127.0.0.1", port: 1, username: "ann", ...value });
const mask = (...paths: string[]) => ({ paths });

async function createIn(client: ProfileClient, value: PostgresInit = { password: canary("update") }) {
  const { connectionProfile } = await client.createConnectionProfile({
    name: "a",
    labels: { team: "data" },
    config: postgres(value),
  });
  if (connectionProfile === undefined) throw new Error("nothing was created");
  return connectionProfile;
}

describe("an update", () => {
  test("has paths in camelCase as well, also in binary, and `*` for all that can change", async () => {
    const client = service.clientOf("mask-case");
    const { id } = await createIn(client, { tls: {} });
    const config = postgres({ username: "ben", tls: { serverName: "db.example" } });
    const named = { id, config, updateMask: mask("config.postgres.tls.serverName") };
    const { connectionProfile } = await client.updateConnectionProfile(named);
    expect(connectionProfile?.config?.connector.value).toMatchObject({
      username: "ann",
      tls: { serverName: "db.example" },
    });
    const whole = { id, name: "b", config: postgres({ username: "eve" }), updateMask: mask("*") };
    const { connectionProfile: all } = await client.updateConnectionProfile(whole);
    expect([all?.name, all?.labels]).toEqual(["b", {}]);
    expect(all?.config?.connector.value).toMatchObject({ username: "eve" });
  });

  test("without a mask lays what is set over what is there", async () => {
    const client = service.clientOf("overlay", "ann");
    const created = await createIn(client);
    const { id } = created;
    const ben = service.clientOf("overlay", "ben");
    const { connectionProfile } = await ben.updateConnectionProfile({ id, config: edits({ database: "shop" }) });
    expect(connectionProfile).toMatchObject({
      name: "a",
      labels: { team: "data" },
      description: "ann@127.0.0.1:1/shop",
      etag: "r2",
      revision: 2n,
      createdBy: "ann",
      updatedBy: "ben",
      createdAt: created.createdAt,
    });
    expect(connectionProfile?.secrets).toEqual(created.secrets);
    const { connectionProfile: renamed } = await client.updateConnectionProfile({ id, name: "b", labels: { x: "y" } });
    expect(renamed).toMatchObject({ name: "b", labels: { x: "y" }, config: connectionProfile?.config });
    expect((await client.getConnectionProfile({ id })).connectionProfile).toEqual(renamed);
    const [event] = await service.knex("event").where({ organization_id: "overlay" }).orderBy("revision", "desc");
    expect(event).toMatchObject({
      type: "connection-profile.updated",
      data: { connection_profile: { name: "b" }, old_connection_profile: { name: "a", etag: "r2" } },
    });
  });

  test("with a mask changes what it names, and clears what it names and is not set", async () => {
    const client = service.clientOf("mask");
    const { id } = await createIn(client, { database: "shop" });
    const call = { id, name: "ignored", config: edits({ username: "ben" }) };
    const masked = { ...call, updateMask: mask("config.postgres.username", "config.postgres.database", "labels") };
    const { connectionProfile } = await client.updateConnectionProfile(masked);
    expect(connectionProfile).toMatchObject({ name: "a", labels: {}, description: "ben@127.0.0.1:1/ben" });
    const whole = { id, config: postgres({ username: "eve" }), updateMask: mask("config") };
    expect((await client.updateConnectionProfile(whole)).connectionProfile?.description).toBe("eve@127.0.0.1:1/eve");
  });

  test("keeps secrets that are not given, also when the configuration is replaced; a mask that names one clears it", async () => {
    const client = service.clientOf("keep");
    const created = await createIn(client);
    const { id } = created;
    // What was read is written back with a change: the way of every form on a page.
    const config = created.config;
    if (config?.connector.case === "postgres") config.connector.value.database = "shop";
    const { connectionProfile: kept } = await client.updateConnectionProfile({
      id,
      config,
      updateMask: mask("config"),
    });
    expect(kept?.secrets).toEqual(created.secrets);
    const changed = await client.updateConnectionProfile({ id, config: edits({ password: canary("new") }) });
    const [before, after] = [kept, changed.connectionProfile].map((one) => one?.secrets.find(({ set }) => set));
    expect(after?.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    expect(after?.fingerprint).not.toBe(before?.fingerprint);
    const cleared = await client.updateConnectionProfile({ id, updateMask: mask("config.postgres.password") });
    expect(cleared.connectionProfile?.secrets.some(({ set }) => set)).toBe(false);
    expect(await service.knex("connection_profile_secret").where({ organization_id: "keep" })).toEqual([]);
  });

  test("that changes nothing writes nothing", async () => {
    const client = service.clientOf("nothing");
    const created = await createIn(client);
    const { id } = created;
    for (const call of [{}, { name: "a" }, { labels: { team: "data" } }, { config: created.config }])
      expect((await client.updateConnectionProfile({ id, ...call })).connectionProfile).toEqual(created);
    expect(await service.knex("event").where({ organization_id: "nothing" })).toHaveLength(1);
  });

  test.each([
    [{ updateMask: mask("id") }, "FIELD_INVALID", ["update_mask"]],
    [{ updateMask: mask("") }, "FIELD_INVALID", ["update_mask"]],
    [{ updateMask: mask("name", "") }, "FIELD_INVALID", ["update_mask"]],
    [{ updateMask: mask("config.postgres.nothing") }, "FIELD_INVALID", ["update_mask"]],
    [{ updateMask: mask("config.postgres.host.more") }, "FIELD_INVALID", ["update_mask"]],
    [{ updateMask: mask("config.postgres.tls.nothing") }, "FIELD_INVALID", ["update_mask"]],
    [{ updateMask: mask("config.mysql.password") }, "FIELD_INVALID", ["update_mask"]],
    [{ updateMask: mask("config.mysql") }, "FIELD_INVALID", ["update_mask"]],
    [{ updateMask: mask("name") }, "FIELD_INVALID", ["name"]],
    [{ updateMask: mask("config.postgres.username") }, "FIELD_INVALID", ["config.postgres.username"]],
    [{ updateMask: mask("config") }, "FIELD_INVALID", ["config.connector"]],
    [{ name: " a" }, "FIELD_INVALID", ["name"]],
    [{ labels: { "": "a" } }, "FIELD_INVALID", ['labels[""]']],
    [{ labels: { a: "\n" } }, "FIELD_INVALID", ['labels["a"]']],
    [{ config: edits({ database: "a".repeat(64) }) }, "FIELD_INVALID", ["config.postgres.database"]],
    [{ config: edits({ password: "********" }) }, "FIELD_INVALID", ["config.postgres.password"]],
    [{ config: edits({ password: "{{ HOME }}" }) }, "FIELD_INVALID", ["config.postgres.password"]],
    [{ config: edits({ database: "{{ HOME }}" }) }, "FIELD_INVALID", ["config.postgres.database"]],
    [{ config: { connector: { case: "kafka" as const, value: {} } } }, "CONNECTOR_MISMATCH", ["connector"]],
  ])("case %#: what is wrong is refused and nothing changes", async (change, reason, fields) => {
    const client = service.clientOf(`wrong-${Math.random()}`);
    const created = await createIn(client);
    const { id } = created;
    const refused = await failureOf(client.updateConnectionProfile({ id, ...change }));
    expect(refused).toMatchObject({ code: "InvalidArgument", reason, fields });
    expect((await client.getConnectionProfile({ id })).connectionProfile).toEqual(created);
  });

  test("with the etag of an older state is aborted; a name that is taken is refused", async () => {
    const client = service.clientOf("etag");
    const { id, etag } = await createIn(client);
    await client.updateConnectionProfile({ id, etag, name: "b" });
    const aborted = { code: "Aborted", reason: "ETAG_MISMATCH", metadata: { etag: "r2" } };
    for (const call of [
      client.updateConnectionProfile,
      client.deleteConnectionProfile,
      client.expungeConnectionProfile,
    ])
      expect(await failureOf(call({ id, etag }))).toMatchObject(aborted);
    const second = await client.createConnectionProfile({ name: "taken", config: postgres() });
    const rename = { id, name: "taken" };
    for (const validateOnly of [true, false])
      expect(await failureOf(client.updateConnectionProfile({ ...rename, validateOnly }))).toMatchObject({
        code: "AlreadyExists",
        reason: "PROFILE_NAME_TAKEN",
        metadata: { id: second.connectionProfile?.id },
      });
  });

  test("at once with others loses none of them, as long as they are about different fields", async () => {
    const client = service.clientOf("together");
    const { id } = await createIn(client);
    await Promise.all([
      client.updateConnectionProfile({ id, name: "b" }),
      client.updateConnectionProfile({ id, labels: { x: "1" } }),
      client.updateConnectionProfile({ id, config: edits({ database: "shop" }) }),
    ]);
    const { connectionProfile } = await client.getConnectionProfile({ id });
    expect(connectionProfile).toMatchObject({ name: "b", labels: { x: "1" }, description: "ann@127.0.0.1:1/shop" });
    const { revisions } = await client.listConnectionProfileRevisions({ id });
    expect(revisions).toHaveLength(4);
  });
});

describe("validate_only", () => {
  test("answers what would be, and writes nothing", async () => {
    const client = service.clientOf("preview");
    const dry = { name: "a", config: postgres({ password: canary("preview") }), validateOnly: true };
    const { connectionProfile: would } = await client.createConnectionProfile(dry);
    expect(would).toMatchObject({ id: "", name: "a", description: "ann@127.0.0.1:1/ann", etag: "" });
    expect(would?.secrets.filter(({ set }) => set).map(({ path }) => path)).toEqual(["password"]);
    expect((await client.listConnectionProfiles({})).connectionProfiles).toEqual([]);
    const created = await createIn(client);
    const { id } = created;
    const update = { id, name: "b", config: edits({ password: canary("preview-2") }), validateOnly: true };
    const { connectionProfile: changed } = await client.updateConnectionProfile(update);
    expect(changed).toMatchObject({ id, name: "b", etag: created.etag });
    expect((await client.getConnectionProfile({ id })).connectionProfile).toEqual(created);
    expect(await failureOf(client.createConnectionProfile(dry))).toMatchObject({ reason: "PROFILE_NAME_TAKEN" });
    expect(await service.knex("event").where({ organization_id: "preview" })).toHaveLength(1);
  });
});

describe("validation_mode LIVE", () => {
  const live = { validationMode: ValidationMode.LIVE };

  test("keeps the stored state when the test fails, and says why", async () => {
    const client = service.clientOf("live");
    const refused = await failureOf(client.createConnectionProfile({ name: "a", config: postgres(), ...live }));
    expect(refused).toMatchObject({ code: "FailedPrecondition", reason: "TARGET_UNUSABLE" });
    expect(refused.report?.steps.map(({ code }) => code)).toContain("CONNECTION_REFUSED");
    expect((await client.listConnectionProfiles({})).connectionProfiles).toEqual([]);
    const created = await createIn(client);
    const { id } = created;
    const update = { id, config: edits({ database: "shop" }), ...live };
    expect(await failureOf(client.updateConnectionProfile(update))).toMatchObject({ reason: "TARGET_UNUSABLE" });
    expect((await client.getConnectionProfile({ id })).connectionProfile).toEqual(created);
    const events = await service.knex("event").where({ organization_id: "live", type: "connection-profile.tested" });
    expect(events.map(({ data }) => data.test.kind)).toEqual(["live_validation", "live_validation"]);
  });

  test("needs the permission to test, asked for before anything is looked up", async () => {
    const client = service.clientOf("live-writer", "wes", { permissions: ["profiles.write"] });
    const denied = { code: "PermissionDenied", metadata: { permission: "profiles.test" } };
    const config = postgres();
    expect(await failureOf(client.createConnectionProfile({ name: "a", config, ...live }))).toMatchObject(denied);
    const missing = { id: "cp_0123456789abcdef", config, ...live };
    expect(await failureOf(client.updateConnectionProfile(missing))).toMatchObject(denied);
  });

  test("writes when the test passes", async () => {
    const passing = service.clientOf("live-ok", "ann", {
      runTest: async () => ({
        error: false,
        message: "fine",
        report: emptyReport,
        page: { resources: [], nextCursor: "" },
      }),
    });
    const { connectionProfile, report } = await passing.createConnectionProfile({
      name: "a",
      config: postgres(),
      ...live,
    });
    expect(connectionProfile?.revision).toBe(2n);
    expect(report).toBeDefined();
  });

  test("does not write when its caller has gone in the meantime", async () => {
    const gone = new AbortController();
    const client = service.clientOf("live-gone", "ann", {
      runTest: async () => {
        gone.abort();
        return { error: false, message: "fine", report: emptyReport, page: { resources: [], nextCursor: "" } };
      },
    });
    const call = client.createConnectionProfile({ name: "a", config: postgres(), ...live }, { signal: gone.signal });
    expect(await failureOf(call)).toMatchObject({ code: "Canceled" });
    await expect.poll(() => service.knex("event").where({ organization_id: "live-gone" })).toHaveLength(1);
    expect((await client.listConnectionProfiles({})).connectionProfiles).toEqual([]);
  });
});

const emptyReport = { $typeName: "connectory.v1.TestReport" as const, steps: [], facts: [] };
