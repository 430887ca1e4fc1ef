import { type JsonObject, toJson } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { secretMask } from "../../../src/proto-schema/json-schema/to-form-config.ts";
import { validConfigs } from "../../connection-profiles/valid-configs.ts";
import { fakeBroker } from "../../connectors/kafka/fake-broker.ts";
import { startLocalServer } from "../../connectors/local-server.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { canary } from "../../support/canary.ts";
import { type CallRest, callRest, problem } from "./call-rest.ts";

let app: TestApp;
let call: CallRest;
let anonymous: CallRest;
beforeAll(async () => {
  app = await startTestApp();
  call = callRest(app, await app.token());
  anonymous = callRest(app, "");
});
afterAll(() => app?.stop());

const sasl = { protocol: "SASL_PLAINTEXT", mechanism: "PLAIN", username: "ann", password: canary("form-sasl") };
/** What a form sends for a Kafka cluster with a log-in. */
const kafkaForm = (name: string, more: object = {}) => ({
  name,
  connector: "kafka",
  config: {
    name,
    bootstrap_servers: "127.0.0.1:1",
    sasl,
    tls: {},
    aws_msk_iam: {},
    schema_registry: {},
    __meta: {
      sasl: { type: "SASL" },
      tls: { type: "None" },
      aws_msk_iam: { type: "None" },
      schema_registry: { type: "None" },
    },
    ...more,
  },
});
const secretsOf = async (id: string) =>
  (await call(`GET /v1/connection_profiles/${id}`)).json.secrets
    .filter(({ set }: { set: boolean }) => set)
    .map(({ path, fingerprint }: { path: string; fingerprint: string }) => ({ path, fingerprint }));
/** Writes a profile back as the form has it, which has read it from a list, with changes. */
async function writeBack(id: string, change: (config: JsonObject) => void) {
  const { data } = (await call("GET /api/v1/connection_profiles")).json;
  const { name, connector, config } = data.find((profile: { id: string }) => profile.id === id);
  change(config);
  return call(`PATCH /api/v1/connection_profiles/${id}`, { body: { name, connector, config } });
}

describe("the platform's own lists", () => {
  test.each([
    ["ping", "Pong"],
    ["connection_tables?limit=10", { data: [], hasMore: false }],
    ["jobs", { data: [] }],
    ["pipelines?limit=100", { data: [], hasMore: false }],
    ["udfs", { data: [] }],
  ])("GET /api/v1/%s", async (path, expected) => {
    expect((await call(`GET /api/v1/${path}`)).json).toEqual(expected);
    expect((await call(`POST /api/v1/${path}`, { body: {} })).json).toMatchObject(problem(405, "METHOD_NOT_ALLOWED"));
  });
});

describe("connectors", () => {
  test("are in the order of their names, hidden without profiles, each with an icon of its own", async () => {
    const plain = (await call("GET /v1/connectors")).json.data as { id: string }[];
    const { data } = (await call("GET /api/v1/connectors")).json;
    expect(data.map(({ id }: { id: string }) => id).sort()).toEqual(plain.map(({ id }) => id).sort());
    const names = data.map(({ name }: { name: string }) => name);
    expect(names).toEqual([...names].sort());
    for (const connector of data) {
      expect(connector).toMatchObject({
        enabled: true,
        hidden: !connector.has_profile,
        testing: connector.testable,
        tableConfig: "{}",
        customSchemas: false,
        connection_config: connector.connectionConfig,
      });
      if (connector.has_profile) expect(JSON.parse(connector.connectionConfig)).toMatchObject({ type: "object" });
      else expect(connector.connectionConfig).toBeNull();
    }
    const icons = data.map(({ icon }: { icon: string }) => icon);
    expect(new Set(icons).size).toBe(data.length);
    for (const icon of icons) expect(icon).toMatch(/^<svg xmlns="[^"]+" viewBox="0 0 24 24"><path [^<>]+\/><\/svg>$/);
    expect((await call("GET /api/v1/connectors/kafka")).json).toMatchObject({ id: "kafka", hidden: false });
    expect(plain[0]).not.toHaveProperty("hidden");
  });
});

describe("profiles", () => {
  test("come back with their name, the choices that were made, and masks for the secrets that are set", async () => {
    const created = await call("POST /api/v1/connection_profiles", { body: kafkaForm("read back") });
    expect(created.status).toBe(200);
    const expected = kafkaForm("read back").config;
    expected.sasl = { ...sasl, password: secretMask };
    expect(created.json.config).toEqual(expected);
    const read = await call(`GET /api/v1/connection_profiles/${created.json.id}`);
    expect(read.json.config).toEqual(expected);
    const plain = await call(`GET /v1/connection_profiles/${created.json.id}`);
    const { password: _, ...open } = sasl;
    expect(plain.json.config).toEqual({ bootstrap_servers: "127.0.0.1:1", sasl: open });
  });

  test("of every connector are written back as they were read, with all of their secrets", async () => {
    for (const [index, whole] of validConfigs.entries()) {
      const wrapped = toJson(ConnectorConfigSchema, whole, { useProtoFieldName: true }) as Record<string, JsonObject>;
      const [[connector, config] = ["", {}]] = Object.entries(wrapped);
      const body = { name: `back ${index}`, connector, config };
      const { status, json } = await call("POST /v1/connection_profiles", { body });
      expect([connector, status, json.violations]).toEqual([connector, 200, undefined]);
      const written = await writeBack(json.id, () => {});
      expect([connector, written.status, written.json.etag]).toEqual([connector, 200, json.etag]);
      const after = (await call(`GET /v1/connection_profiles/${json.id}`)).json;
      expect([connector, after.config, after.secrets]).toEqual([connector, json.config, json.secrets]);
    }
  });

  test("keep a masked secret beside a change, lose an emptied one, and lose what another choice replaces", async () => {
    const { id } = (
      await call("POST /v1/connection_profiles", {
        body: {
          name: "changes",
          connector: "http",
          config: {
            url: "http://127.0.0.1:1/x",
            headers: { "x-key": canary("form-header"), "x-other": canary("form-header-2") },
            basic: { username: "ann", password: canary("form-basic") },
          },
        },
      })
    ).json;
    const before = await secretsOf(id);
    expect(before.map(({ path }: { path: string }) => path)).toEqual([
      "basic.password",
      'headers["x-key"]',
      'headers["x-other"]',
    ]);
    await writeBack(id, (config) => {
      const { basic } = config.authentication as { basic: JsonObject };
      basic.username = "bob";
    });
    expect(await secretsOf(id)).toEqual(before);
    await writeBack(id, (config) => {
      config.headers = { "x-key": canary("form-header-new"), "x-other": secretMask };
    });
    const [password, key, other] = await secretsOf(id);
    expect([password, other]).toEqual([before[0], before[2]]);
    expect(key.fingerprint).not.toBe(before[1].fingerprint);
    await writeBack(id, (config) => {
      delete (config.authentication as { basic: JsonObject }).basic.password;
    });
    expect(await secretsOf(id)).toEqual([key, other]);
    await writeBack(id, (config) => {
      config.authentication = {};
      (config.__meta as JsonObject).authentication = { type: "None" };
      config.headers = {};
    });
    const after = (await call(`GET /v1/connection_profiles/${id}`)).json;
    expect([after.config, await secretsOf(id)]).toEqual([{ url: "http://127.0.0.1:1/x" }, []]);
  });

  test("are tested with the stored secret where the form has its mask; a mask without a stored secret is refused", async () => {
    const { json } = await call("POST /api/v1/connection_profiles", { body: kafkaForm("masked test") });
    const { connector, config, id } = json;
    const tested = await call("POST /api/v1/connection_profiles/test", { body: { id, name: "x", connector, config } });
    expect([tested.status, tested.json]).toMatchObject([200, { error: true, done: true, report: { steps: {} } }]);
    expect(tested.json.message).toContain("CONNECTION_REFUSED");
    const unsaved = await call("POST /api/v1/connection_profiles", { body: { name: "m", connector, config } });
    expect(unsaved.json).toMatchObject(problem(400, "FIELD_INVALID"));
    expect(unsaved.json.violations).toMatchObject([{ field: "config.sasl.password" }]);
  });

  test("of a list are all there, the one that changed last first; a page that is asked for stays a page", async () => {
    const of = callRest(app, await app.token({ org: "many" }));
    const ids: string[] = [];
    for (let index = 0; index < 52; index++)
      ids.push((await of("POST /v1/connection_profiles", { body: kafkaForm(`n${index}`) })).json.id);
    await of(`PATCH /v1/connection_profiles/${ids[7]}`, { body: { name: "changed last" } });
    const { json } = await of("GET /api/v1/connection_profiles");
    const listed = json.data.map(({ id }: { id: string }) => id);
    expect([listed.length, json.hasMore, listed[0]]).toEqual([52, false, ids[7]]);
    const changes = json.data.map(({ updated_at: at }: { updated_at: string }) => Date.parse(at));
    expect(changes).toEqual(changes.toSorted((a: number, b: number) => b - a));
    const page = (await of("GET /api/v1/connection_profiles?page_size=3&order_by=name")).json;
    expect(page).toMatchObject({ hasMore: true, data: [{ name: "changed last" }, { name: "n0" }, { name: "n1" }] });
    expect((await of("GET /v1/connection_profiles")).json.data).toHaveLength(50);
  });
});

describe("failures", () => {
  test("of a test are a result when nothing can be tested: error, done and the reason", async () => {
    for (const [body, reason] of [
      [{ name: "x", connector: "kafka", config: { bootstrap_servers: "" } }, /config\.bootstrap_servers: /],
      [{ name: "x", connector: "kafka", config: { bootstrap_server: "a:1" } }, /config\.bootstrap_server: /],
      [{ name: "x", connector: "nope", config: { a: 1 } }, /connector: there is no connector "nope"/],
    ] as const) {
      const { status, json } = await call("POST /api/v1/connection_profiles/test", { body });
      expect([status, json]).toMatchObject([200, { error: true, done: true, message: expect.stringMatching(reason) }]);
      const plain = await call("POST /v1/connection_profiles/test", { body });
      expect([plain.status, plain.json.detail]).toEqual([400, json.message]);
    }
  });

  test("everywhere else have the reason as error", async () => {
    for (const [what, status, request] of [
      ["GET /api/v1/nothing", 404, {}],
      ["GET /api/nothing", 404, {}],
      ["DELETE /api/v1/connectors", 405, {}],
      ["GET /api/v1/connection_profiles/cp_00000000000000000000", 404, {}],
      ["POST /api/v1/connection_profiles", 400, { body: "{" }],
      ["POST /api/v1/connection_profiles/test", 400, { body: "{" }],
      ["POST /api/v1/connection_profiles", 400, { body: kafkaForm("x", { bootstrap_servers: "" }) }],
      ["GET /api/v1/connections/x", 400, {}],
      ["GET /api/v1/connection_profiles/%zz", 400, {}],
    ] as const) {
      const { json, ...answer } = await call(what, request);
      expect([what, answer.status, json.error]).toEqual([what, status, json.detail]);
    }
    for (const path of [
      "connectors",
      "connection_profiles",
      "connection_profiles/cp_00000000000000000000/autocomplete",
    ])
      expect((await anonymous(`GET /api/v1/${path}`)).json).toMatchObject({
        ...problem(401, "TOKEN_MISSING"),
        error: expect.any(String),
      });
    expect((await call("GET /v1/connections/x")).json).not.toHaveProperty("error");
  });
});

describe("suggestions", () => {
  test("are what lies in the system, by what it is, and none where a connector cannot list", async () => {
    const broker = await startLocalServer((socket) =>
      fakeBroker(socket, {
        advertise: [{ host: "127.0.0.1", port: broker.port }],
        topics: { orders: 0, audits: 0, _internal: 0 },
      }),
    );
    const newProfile = async (connector: string, config: object) =>
      (await call("POST /v1/connection_profiles", { body: { name: `suggest ${connector}`, connector, config } })).json
        .id;
    const suggest = (id: string) => call(`GET /api/v1/connection_profiles/${id}/autocomplete`);

    const topics = await suggest(await newProfile("kafka", { bootstrap_servers: broker.endpoint }));
    await broker.close();
    expect([topics.status, topics.json]).toEqual([200, { values: { topic: ["audits", "orders"] } }]);
    const none = await suggest(await newProfile("http", { url: "http://127.0.0.1:1/" }));
    expect([none.status, none.json]).toEqual([200, { values: {} }]);
    const down = await suggest(await newProfile("nats", { servers: "127.0.0.1:1" }));
    expect(down.json).toMatchObject({ ...problem(400, "TARGET_UNUSABLE"), error: down.json.detail });
    expect((await suggest("cp_00000000000000000000")).json).toMatchObject(problem(404, "PROFILE_NOT_FOUND"));
    expect((await call("GET /v1/connection_profiles/cp_00000000000000000000/autocomplete")).status).toBe(404);
  });
});
