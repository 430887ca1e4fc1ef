import { randomUUID } from "node:crypto";
import type { JsonValue } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { castTimes } from "../../../src/server/json/cast-times.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { connectMcp } from "../mcp/connect-mcp.ts";
import { type CallRest, callRest } from "../rest/call-rest.ts";

let app: TestApp;
let token: string;
let call: CallRest;
beforeAll(async () => {
  app = await startTestApp();
  token = await app.token();
  call = callRest(app, token);
});
afterAll(() => app?.stop());

const forms: [given: JsonValue, stored: string][] = [
  ["2024-05-06", "2024-05-06T00:00:00.000Z"],
  [1_714_953_600_000, "2024-05-06T00:00:00.000Z"],
  [1_714_953_600_007, "2024-05-06T00:00:00.007Z"],
  [0, "1970-01-01T00:00:00.000Z"],
  [-1, "1969-12-31T23:59:59.999Z"],
  ["2024-05-06T02:00:00+02:00", "2024-05-06T00:00:00.000Z"],
  ["2024-02-29", "2024-02-29T00:00:00.000Z"],
];
const pair = () => ({ userId1: `a-${randomUUID()}`, userId2: `b-${randomUUID()}` });

describe("a time of a request is cast", () => {
  test.each(forms)("%j over REST, and printed with milliseconds", async (given, stored) => {
    const created = await call("POST /v1/connections", { body: { ...pair(), connectedSince: given } });
    expect([created.status, created.json.connection?.connectedSince]).toEqual([201, stored]);
    const { id, createdAt, updatedAt } = created.json.connection;
    for (const time of [createdAt, updatedAt]) expect(time).toBe(new Date(time).toISOString());
    const read = (await call(`GET /v1/connections/${id}`)).json.connection;
    expect(read).toEqual(created.json.connection);
    const { connections } = (await call(`GET /v1/connections?userId=${read.userId1}`)).json;
    expect(connections).toEqual([read]);
    const deleted = (await call(`DELETE /v1/connections/${id}`)).json.connection;
    expect(deleted._archivedAt).toBe(new Date(deleted._archivedAt).toISOString());
  });

  test.each(forms)("%j over Connect and MCP", async (given, stored) => {
    const body = { ...pair(), connected_since: given };
    const { json } = await call("POST /connectory.v1.ConnectionService/CreateConnection", { body });
    expect(new Date(json.connection.connectedSince).toISOString()).toBe(stored);
    const client = await connectMcp(app.httpUrl, token);
    const made = await client.callTool({ name: "createConnection", arguments: { ...pair(), connectedSince: given } });
    await client.close();
    const { connection } = made.structuredContent as { connection: { connectedSince: string } };
    expect(new Date(connection.connectedSince).toISOString()).toBe(stored);
  });

  test("in a batch too", async () => {
    const body = { requests: [{ ...pair(), connectedSince: "2024-05-06" }] };
    const { json } = await call("POST /v1/connections:batchCreate", { body });
    expect(JSON.stringify(json)).toContain('"connectedSince":"2024-05-06T00:00:00.000Z"');
  });

  test.each([
    ["2024-02-30", /is a day that no calendar has/],
    ["2023-02-29", /is a day that no calendar has/],
    ["06.05.2024", /must be a time such as 2026-01-31T12:00:00Z, a day such as 2026-01-31, or milliseconds since 1970/],
    [1.5, /must be a time such as/],
    [1e18, /must be a time such as/],
    [true, /must be a time such as/],
    ["1714953600000", /must be a time such as/],
    [4_102_444_800_000, /must not lie more than 5 minutes in the future/],
  ])("but not %j", async (given, words) => {
    const { status, json } = await call("POST /v1/connections", { body: { ...pair(), connectedSince: given } });
    expect([status, json.violations]).toMatchObject([400, [{ field: "connectedSince" }]]);
    expect(json.violations[0].description).toMatch(words);
  });
});

test("what is not a time in one of these forms stays as it is", () => {
  for (const value of [null, true, "", "2024-5-6", 1.5, Number.MAX_VALUE, -1e15, {}, ["x"]])
    expect(castTimes(value)).toEqual(value);
  expect(castTimes(["2024-05-06", 0])).toEqual(["2024-05-06T00:00:00Z", "1970-01-01T00:00:00.000Z"]);
});
