import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { canary } from "../../support/canary.ts";
import { postRpc, toolCall } from "../mcp/post-rpc.ts";

let app: TestApp;
let token: string;
beforeAll(async () => {
  app = await startTestApp();
  token = await app.token();
});
afterAll(() => app.stop());

interface Answer {
  readonly ok: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of three protocols
  readonly json: any;
}
type Send = (rpc: Rpc, body: unknown, id?: string) => Promise<Answer>;
type Rpc = "CreateConnection" | "CreateConnectionProfile" | "UpdateConnectionProfile" | "TestConnectionProfile";

const paths = {
  CreateConnection: () => "POST /v1/connections",
  CreateConnectionProfile: () => "POST /v1/connection_profiles",
  UpdateConnectionProfile: (id: string) => `PATCH /v1/connection_profiles/${id}`,
  TestConnectionProfile: () => "POST /v1/connection_profiles/test",
};

async function http(method: string, path: string, body: unknown): Promise<Answer> {
  const response = await fetch(app.httpUrl + path, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { ok: response.ok, json: await response.json() };
}

const protocols: readonly (readonly [string, Send])[] = [
  ["REST", (rpc, body, id = "") => http(...(paths[rpc](id).split(" ") as [string, string]), body)],
  [
    "Connect",
    (rpc, body, id) => {
      const service = rpc === "CreateConnection" ? "ConnectionService" : "ConnectionProfileService";
      const sent = id === undefined ? body : { ...(body as object), id };
      return http("POST", `/connectory.v1.${service}/${rpc}`, sent);
    },
  ],
  [
    "MCP",
    async (rpc, body, id) => {
      const name = rpc.charAt(0).toLowerCase() + rpc.slice(1);
      const sent =
        typeof body === "string"
          ? JSON.stringify(toolCall(name, "ARGUMENTS")).replace('"ARGUMENTS"', body)
          : toolCall(name, id === undefined ? body : { ...(body as object), id });
      const { messages } = await postRpc(app.httpUrl, sent, { token });
      const [{ result, error }] = messages;
      if (error !== undefined) return { ok: false, json: error };
      const detail = result._meta["connectory/error"];
      return { ok: result.isError !== true, json: detail ?? result.structuredContent };
    },
  ],
];

const profileOf = ({ json }: Answer) => json.connectionProfile ?? json;
const says = ({ json }: Answer) => String(json.detail ?? json.message);
const violationsOf = ({ json }: Answer): string[] =>
  (
    json.violations ??
    json.details?.find(({ type }: { type: string }) => type.endsWith("BadRequest"))?.debug.fieldViolations ??
    []
  ).map(({ field }: { field: string }) => field);

describe.each(protocols)("over %s", (_name, send) => {
  const create = (more: object) => send("CreateConnectionProfile", { name: randomUUID(), ...more });

  test("a configuration is the same flat and typed, in either case", async () => {
    for (const config of [
      {
        connector: "kafka",
        config: { bootstrap_servers: "127.0.0.1:1", schema_registry: { endpoint: "http://a.example" } },
      },
      {
        connector: "kafka",
        config: { bootstrapServers: "127.0.0.1:1", schemaRegistry: { endpoint: "http://a.example" } },
      },
      { config: { kafka: { bootstrapServers: "127.0.0.1:1", schema_registry: { endpoint: "http://a.example" } } } },
      {
        connector: "kafka",
        config: { kafka: { bootstrap_servers: "127.0.0.1:1", schemaRegistry: { endpoint: "http://a.example" } } },
      },
    ]) {
      const answer = await create(config);
      expect([says(answer), answer.ok]).toEqual(["undefined", true]);
      expect(profileOf(answer)).toMatchObject({ connector: "kafka", description: "127.0.0.1:1" });
    }
    const tested = await send("TestConnectionProfile", {
      connector: "kafka",
      config: { bootstrap_servers: "127.0.0.1:1" },
    });
    expect([tested.ok, tested.json.done, tested.json.error]).toEqual([true, true, true]);
  });

  test("a member of a oneof that is null is not set, and two that are set are both named", async () => {
    const http = { url: "https://a.example", basic: { username: "u", password: canary("null-member") } };
    for (const config of [
      { connector: "http", config: { ...http, bearer: null } },
      { config: { http: { ...http, bearer: null, tls: null }, kafka: null } },
      { connector: "http", config: { ...http, headers: null }, labels: null, request_id: null },
    ]) {
      const answer = await create(config);
      expect([says(answer), answer.ok]).toEqual(["undefined", true]);
    }
    const both = await create({ connector: "http", config: { ...http, bearer: { token: "t" } } });
    expect([violationsOf(both), says(both)]).toEqual([
      ["config.authentication"],
      expect.stringContaining("basic, bearer"),
    ]);
    const two = await create({ config: { kafka: {}, redis: {} } });
    expect([violationsOf(two), says(two)]).toEqual([["config.connector"], expect.stringContaining("kafka, redis")]);
  });

  test("a field twice is refused with its path, under one name, under two, and inside a configuration", async () => {
    for (const [rpc, body, path] of [
      ["CreateConnection", '{"userId1":"alice","userId1":"ann","userId2":"bob"}', "userId1"],
      ["CreateConnection", '{"userId1":"alice","user_id_1":"ann","userId2":"bob"}', "userId1"],
      ["CreateConnection", '{"userId1":"alice","\\u0075serId1":"ann","userId2":"bob"}', "userId1"],
      [
        "CreateConnectionProfile",
        '{"name":"x","config":{"redis":{"address":"a","address":"b"}}}',
        "config.redis.address",
      ],
      ["CreateConnectionProfile", '{"name":"x","labels":{"a":"1","a":"2"}}', "labels.a"],
    ] as const) {
      const answer = await send(rpc, body);
      expect([body, answer.ok, says(answer)]).toEqual([
        body,
        false,
        expect.stringContaining(`${path}: is given twice`),
      ]);
    }
  });

  test("an update mask has either case, `*`, and no empty path", async () => {
    const config = { bootstrap_servers: "127.0.0.1:1" };
    const { id } = profileOf(await create({ connector: "kafka", config }));
    let port = 1;
    for (const mask of [
      "config.kafka.bootstrap_servers",
      "config.kafka.bootstrapServers",
      "config.bootstrap_servers",
      "config.bootstrapServers",
      "config",
      "*",
    ]) {
      port += 1;
      const bootstrapServers = `127.0.0.1:${port}`;
      const edits = { name: randomUUID(), updateMask: mask, connector: "kafka", config: { bootstrapServers } };
      const answer = await send("UpdateConnectionProfile", edits, id);
      expect([mask, says(answer), profileOf(answer).description]).toEqual([mask, "undefined", bootstrapServers]);
    }
    for (const mask of [",", "name,", ",name", "name,,config"]) {
      const answer = await send("UpdateConnectionProfile", { name: "x", update_mask: mask }, id);
      expect([mask, answer.ok, says(answer)]).toEqual([mask, false, expect.stringContaining("has an empty path")]);
    }
  });

  test("a day that no calendar has is refused", async () => {
    for (const time of [
      "2024-02-30T00:00:00Z",
      "2023-02-29T00:00:00Z",
      "2024-04-31T00:00:00Z",
      "2024-05-06T24:00:00Z",
    ]) {
      const answer = await send("CreateConnection", { userId1: "a", userId2: "b", connectedSince: time });
      expect([time, answer.ok, violationsOf(answer)]).toEqual([time, false, ["connectedSince"]]);
    }
  });
});

describe("one request_id", () => {
  test("answers as the first time, however the same request is written and whatever protocol it takes", async () => {
    const config = { bootstrap_servers: "127.0.0.1:1" };
    const [name, requestId] = [randomUUID(), randomUUID()];
    const same = [
      { name, requestId, connector: "kafka", config },
      { name, request_id: requestId, config: { kafka: config } },
      { name, requestId, connector: "kafka", config: { kafka: config }, validationMode: "VALIDATION_MODE_SCHEMA" },
      {
        name,
        requestId: requestId.toUpperCase(),
        connector: "kafka",
        config,
        validation_mode: "VALIDATION_MODE_UNSPECIFIED",
      },
      { name, requestId, connector: "kafka", config: { ...config, sasl: null }, labels: {}, validateOnly: false },
    ];
    const ids = new Set<string>();
    for (const [, send] of protocols)
      for (const body of same) {
        const answer = await send("CreateConnectionProfile", body);
        expect([says(answer), answer.ok]).toEqual(["undefined", true]);
        ids.add(profileOf(answer).id);
      }
    expect(ids.size).toBe(1);
    for (const [, send] of protocols) {
      const other = await send("CreateConnectionProfile", { ...same[0], labels: { a: "b" } });
      expect([other.ok, says(other)]).toEqual([false, expect.stringContaining("was used for another request")]);
    }
  });

  test("of a connection as well", async () => {
    const request = { requestId: randomUUID(), userId1: "replay-a", userId2: "replay-b" };
    const ids = new Set<string>();
    for (const [, send] of protocols)
      for (const body of [
        request,
        { ...request, connectedSince: null, connectionId: "" },
        { ...request, userId1: request.userId2, userId2: request.userId1, any_order: true },
      ])
        ids.add((await send("CreateConnection", body)).json.connection?.id);
    expect([...ids]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  });
});
