import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OpenApiDocument } from "../../../generators/openapi/open-api-document.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { canary } from "../../support/canary.ts";
import { type CallRest, callRest } from "../rest/call-rest.ts";
import { type DocumentReader, documentedCall, readDocument } from "./documented-call.ts";

let app: TestApp;
let reader: DocumentReader;
let call: CallRest;
let outsider: CallRest;

beforeAll(async () => {
  app = await startTestApp();
  const document = (await (await fetch(`${app.httpUrl}/openapi.json`)).json()) as OpenApiDocument;
  reader = readDocument(document);
  call = documentedCall(reader, callRest(app, await app.token()));
  outsider = documentedCall(reader, callRest(app, ""));
});
afterAll(() => app?.stop());

describe("requests and answers are as the document says", () => {
  test("connections", async () => {
    const created = await call("POST /v1/connections", { body: { userId1: "ann", userId2: "bob" } });
    expect(created.status).toBe(201);
    const { id } = created.json.connection;
    await call(`GET /v1/connections/${id}`);
    await call("GET /v1/connections:lookup?userId1=bob&userId2=ann");
    expect((await call("GET /v1/connections?userId=ann&pageRowCount=1")).json.connections).toHaveLength(1);
    await call("GET /v1/connections:count?userId=ann");
    await call("GET /v1/connections:mutual?userId=ann&otherUserId=bob");
    await call("POST /v1/connections:batchCheck", { body: { pairs: [{ userId1: "ann", userId2: "bob" }] } });
    const requests = [
      { userId1: "ann", userId2: "carl" },
      { userId1: "ann", userId2: "bob" },
    ];
    const batch = await call("POST /v1/connections:batchCreate", { body: { requests } });
    expect(batch.json.results[1].error.code).toBe(6);
    const key = { "idempotency-key": "a key" };
    await call("POST /v1/connections", { body: { userId1: "dora", userId2: "emil" }, headers: key });
    expect((await call(`DELETE /v1/connections/${id}`)).json.connection.isActive).toBe(false);
  });

  test("connectors", async () => {
    expect((await call("GET /v1/connectors")).json.data.length).toBeGreaterThan(20);
    expect((await call("GET /v1/connectors/kafka")).json.id).toBe("kafka");
  });

  test("connection profiles, and the conditions of HTTP", async () => {
    const config = { host: "127.0.0.1", username: "ann", password: canary("openapi"), tls: {} };
    const body = { name: "shop", connector: "postgres", config, labels: { team: "data" } };
    const created = await call("POST /v1/connection_profiles", { body });
    const { id } = created.json;
    expect(created.json.config).toEqual({ host: "127.0.0.1", username: "ann", tls: {} });
    const path = `/v1/connection_profiles/${id}`;
    const read = await call(`GET ${path}`);
    const etag = read.headers.get("etag") ?? "";
    expect((await call(`GET ${path}`, { headers: { "if-none-match": etag } })).status).toBe(304);
    const changed = { connector: "postgres", config: { database: "shop" } };
    expect((await call(`PATCH ${path}`, { body: changed, headers: { "if-match": etag } })).status).toBe(200);
    expect((await call(`PATCH ${path}`, { body: { name: "x" }, headers: { "if-match": etag } })).status).toBe(412);
    expect((await call(`PATCH ${path}`, { body: { name: "x", etag: "old" } })).status).toBe(409);
    const revisions = await call(`GET ${path}/revisions`);
    expect(revisions.json.data[1].connection_profile.config.host).toBe("127.0.0.1");
    await call(`POST ${path}:rollback`, { body: { revision: revisions.json.data[1].revision } });
    await call("GET /v1/connection_profiles?filter=labels.team%3D%22data%22&page_size=1");
    await call(`DELETE ${path}`);
    await call("DELETE /v1/connection_profiles/cp_0000000000?allow_missing=true");
    expect((await call("GET /v1/connection_profiles?show_deleted=true")).json.data[0].deleted_at).toBeDefined();
    await call(`POST ${path}:undelete`, { body: {} });
    await call(`POST ${path}:expunge`);
  });

  test("a test of a configuration, in one answer and as a stream", async () => {
    const body = { connector: "redis", config: { address: "redis://127.0.0.1:1" } };
    expect((await call("POST /v1/connection_profiles/test", { body })).json).toMatchObject({ error: true, done: true });
    const stream = await call("POST /v1/connection_profiles/test/stream", { body });
    const events = [...stream.text.matchAll(/^event: (.*)\n(?:id: (.*)\n)?data: (.*)$/gm)].map(
      ([, event, id, data = ""]) => ({
        event,
        ...(id === undefined ? {} : { id }),
        data: JSON.parse(data),
      }),
    );
    expect(events.at(-1)).toEqual({ event: "done", id: "end", data: {} });
    expect(events.length).toBeGreaterThan(1);
    const { operation, pointer } = reader.operation("POST", "/v1/connection_profiles/test/stream");
    expect(Object.keys(operation.responses)).toContain("204");
    for (const event of events) {
      const place = `${pointer}/responses/200/content/text~1event-stream/schema`;
      expect(reader.faults(place, event)).toEqual([]);
    }
    const end = { headers: { "last-event-id": "end" }, body };
    expect((await call("POST /v1/connection_profiles/test/stream", end)).status).toBe(204);
  });

  test("errors of each kind, in both styles", async () => {
    const unknown = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3";
    expect((await outsider("GET /v1/connectors")).status).toBe(401);
    expect((await outsider(`GET /v1/connections/${unknown}`)).status).toBe(401);
    const viewer = documentedCall(reader, callRest(app, await app.token({ roles: ["viewer"] })));
    expect((await viewer("POST /v1/connections", { body: { userId1: "a", userId2: "b" } })).status).toBe(403);
    expect((await call(`GET /v1/connections/${unknown}`)).status).toBe(404);
    expect((await call("GET /v1/connection_profiles/cp_0000000000")).status).toBe(404);
    expect((await call("POST /v1/connections", { body: { userId1: "b", userId2: "a" } })).status).toBe(400);
    expect((await call("POST /v1/connections", { body: { userId1: "y", userId2: "z" } })).status).toBe(201);
    expect((await call("POST /v1/connections", { body: { userId1: "y", userId2: "z" } })).status).toBe(409);
    expect(
      (await call("POST /v1/connection_profiles", { body: { name: " ", connector: "kafka", config: {} } })).status,
    ).toBe(400);
    const text = { "content-type": "text/plain" };
    expect((await call("POST /v1/connection_profiles", { body: "{}", headers: text })).status).toBe(415);
    const discover = { connector: "redis", config: { address: "redis://127.0.0.1:1" } };
    expect((await call("POST /v1/connection_profiles/discover", { body: discover })).status).toBe(400);
  });
});
