import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { startTestApp, type TestApp } from "../support/app.ts";
import { connectClients } from "../support/clients.ts";
import { connectMcp } from "./mcp/connect-mcp.ts";
import { callRest } from "./rest/call-rest.ts";

let app: TestApp;
let token: string;
beforeAll(async () => {
  app = await startTestApp();
  token = await app.token();
});
afterAll(() => app?.stop());

const nothing = { error: false, done: true, message: "This connector does not support testing" };
/** What the first seed sends, without the configuration, and with what a form adds to an empty one. */
const requests = [
  { name: "a", connector: "impulse", config: {} },
  { connector: "impulse" },
  { name: "a", connector: "blackhole", config: { name: "a", __meta: {} } },
];

describe("a test of a connector without a test is a success that says so", () => {
  test.each(["grpc", "connect-binary", "connect-json", "grpc-web"] as const)("over %s", async (protocol) => {
    const client = connectClients(ConnectionProfileService, app, token)[protocol];
    expect(await client.testConnectionProfile({ connector: "impulse", config: {} })).toMatchObject(nothing);
    expect(await client.testConnectionProfile({ connector: "impulse" })).toMatchObject(nothing);
    const steps = await Array.fromAsync(client.streamConnectionProfileTest({ connector: "impulse", config: {} }));
    expect(steps).toMatchObject([nothing]);
  });

  test.each(requests)("over REST, below /api and Connect's JSON: %o", async (body) => {
    const call = callRest(app, token);
    const connect = "/connectory.v1.ConnectionProfileService/TestConnectionProfile";
    for (const path of ["/v1/connection_profiles/test", "/api/v1/connection_profiles/test", connect]) {
      const { status, json } = await call(`POST ${path}`, { body });
      expect([path, status, json]).toMatchObject([path, 200, { done: true, message: nothing.message }]);
      expect([path, json.error ?? false]).toEqual([path, false]);
    }
    const stream = await call("POST /v1/connection_profiles/test/stream", { body });
    expect(stream.text).toContain(nothing.message);
  });

  test("over MCP", async () => {
    const client = await connectMcp(app.httpUrl, token);
    for (const args of requests) {
      const { structuredContent } = await client.callTool({ name: "testConnectionProfile", arguments: args });
      expect(structuredContent).toMatchObject({ done: true, message: nothing.message });
    }
    await client.close();
  });

  test("and is none of a configuration that it does not have, or of a connector that does not exist", async () => {
    const call = callRest(app, token);
    for (const [body, reason] of [
      [{ connector: "impulse", config: { rate: 1 } }, "CONNECTOR_WITHOUT_PROFILE"],
      [{ connector: "impuls", config: {} }, "CONNECTOR_UNKNOWN"],
    ] as const)
      expect((await call("POST /v1/connection_profiles/test", { body })).json).toMatchObject({ status: 400, reason });
    const body = { name: "a", connector: "impulse", config: {} };
    const created = await call("POST /v1/connection_profiles", { body });
    expect(created.json).toMatchObject({ status: 400, reason: "CONNECTOR_WITHOUT_PROFILE" });
  });
});
