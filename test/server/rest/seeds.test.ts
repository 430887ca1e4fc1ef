import { execFile } from "node:child_process";
import { promisify } from "node:util";
import axios from "axios";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import packageJson from "../../../package.json" with { type: "json" };
import { startTestApp, type TestApp } from "../../support/app.ts";

const run = promisify(execFile);

let app: TestApp;
let token: string;
beforeAll(async () => {
  app = await startTestApp();
  token = await app.token();
});
afterAll(() => app.stop());

/** A shell command of the first seed, letter by letter; the host apart, which is wherever this service listens. */
async function shell(command: string): Promise<Record<string, unknown>> {
  const { stdout } = await run("bash", ["-c", command.replace("http://localhost:8000", app.httpUrl)], {
    env: { PATH: process.env.PATH, TOKEN: token },
  });
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe("the first seed's curl calls", () => {
  test("create a profile", async () => {
    const created = await shell(`curl -X POST -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  http://localhost:8000/v1/connection_profiles \\
  -d '{
    "name": "my-kafka-cluster",
    "connector": "kafka",
    "config": {
      "bootstrap_servers": "broker1:9092,broker2:9092"
    }
  }'`);
    expect(created).toMatchObject({
      id: expect.stringMatching(/^cp_[0-9A-Za-z]{10,}$/),
      name: "my-kafka-cluster",
      connector: "kafka",
      description: "broker1:9092,broker2:9092",
    });
    expect(created.config).toEqual({ bootstrap_servers: "broker1:9092,broker2:9092" });
  });

  test("test a profile, whose target is down: that is an answer, not an error", async () => {
    const command = `curl -X POST -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  http://localhost:8000/v1/connection_profiles/test \\
  -d '{
    "name": "my-kafka-cluster",
    "connector": "kafka",
    "config": {
      "bootstrap_servers": "broker1:9092"
    }
  }'`;
    const answer = await shell(command);
    expect(answer).toMatchObject({ error: true, done: true, message: expect.stringContaining("broker1") });
    expect(answer.report).toMatchObject({
      steps: expect.arrayContaining([expect.objectContaining({ stage: "TEST_STAGE_RESOLVE" })]),
    });
    const { stdout } = await run(
      "bash",
      ["-c", `${command.replace("http://localhost:8000", app.httpUrl)} -s -o /dev/null -w '%{http_code}'`],
      {
        env: { PATH: process.env.PATH, TOKEN: token },
      },
    );
    expect(stdout).toBe("200");
  });

  test("get an error in a sentence, with detail for programs, when the connector or its configuration is wrong", async () => {
    const post = (body: object) =>
      shell(
        `curl -s -X POST -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" http://localhost:8000/v1/connection_profiles -d '${JSON.stringify(body)}'`,
      );
    expect(await post({ name: "a", connector: "kafak", config: { bootstrap_servers: "b:1" } })).toMatchObject({
      status: 400,
      error: expect.stringContaining('there is no connector "kafak"'),
      reason: "CONNECTOR_UNKNOWN",
      code: "INVALID_ARGUMENT",
      violations: [{ field: "connector", description: expect.stringContaining("kafka") }],
    });
    expect(await post({ name: "a", connector: "kafka", config: { bootstrap_servers: "b" } })).toMatchObject({
      status: 400,
      error: expect.stringMatching(/^config.bootstrap_servers: /),
      reason: "FIELD_INVALID",
      violations: [{ field: "config.bootstrap_servers" }],
    });
  });
});

describe("the second seed's axios call", () => {
  const call = axios.create();
  beforeAll(() => {
    call.defaults.baseURL = app.httpUrl;
    call.defaults.headers.common.Authorization = `Bearer ${token}`;
    call.defaults.validateStatus = () => true;
  });

  test("creates a connection and gets its envelope", async () => {
    const axios = call;
    const response = await axios({
      method: "POST",
      url: "/v1/connections",
      data: {
        userId1: "ID-1",
        userId2: "ID-2",
      },
      params: {},
    });
    expect(response.status).toBe(201);
    const { connection, ...envelope } = response.data;
    expect(envelope).toEqual({
      status: "OK",
      statusCode: "201",
      elapsedMs: expect.any(Number),
      ssoTime: expect.any(Number),
      source: "db",
      userId: "alice",
      sessionId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      requestId: response.headers["x-request-id"],
      dataName: "connection",
      method: "POST",
      action: "create",
      appVersion: packageJson.version,
      rowCount: 1,
      revision: expect.stringMatching(/^\d+$/),
    });
    expect(envelope.elapsedMs).toBeGreaterThanOrEqual(0);
    expect(envelope.ssoTime).toBeLessThanOrEqual(envelope.elapsedMs);
    expect(connection).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      connectedSince: expect.stringMatching(/Z$/),
      userId1: "ID-1",
      userId2: "ID-2",
      isActive: true,
      recordVersion: 1,
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: expect.stringMatching(/Z$/),
      _owner: "alice",
    });
  });

  test.each([
    ["no user", { userId2: "b" }, 400, "errMsg_userId1isRequired", "FieldInvalid"],
    ["a user id that is none", { userId1: "a b", userId2: "b" }, 400, "errMsg_userId1isNotAValidID", "FieldInvalid"],
    [
      "a time that is none",
      { userId1: "a", userId2: "b", connectedSince: "x" },
      400,
      "errMsg_connectedSinceisNotValid",
      "MessageMalformed",
    ],
    ["the wrong order", { userId1: "b", userId2: "a" }, 400, "errMsg_userId1isNotAValidID", "UserIdsOutOfOrder"],
    [
      "a pair that is connected",
      { userId1: "ID-1", userId2: "ID-2" },
      409,
      "errMsg_DuplicateIndexErrorWithFields:userId1-userId2",
      "ConnectionAlreadyExists",
    ],
  ])("with %s gets the error that its users know", async (_name, data, status, message, errCode) => {
    const response = await call({ method: "POST", url: "/v1/connections", data });
    expect([response.status, response.data]).toEqual([
      status,
      expect.objectContaining({
        result: "ERR",
        status,
        message,
        errCode,
        detail: expect.any(String),
        date: expect.any(String),
      }),
    ]);
    expect(new Date(response.data.date).toISOString()).toBe(response.data.date);
  });

  test("without a login is told that it needs one", async () => {
    const response = await axios.post(`${app.httpUrl}/v1/connections`, {}, { validateStatus: () => true });
    expect([response.status, response.data]).toEqual([
      401,
      expect.objectContaining({
        result: "ERR",
        message: "errMsg_createConnectionRequiresLogin",
        errCode: "LoginRequired",
        status: 401,
      }),
    ]);
    expect(response.headers["www-authenticate"]).toBe("Bearer");
  });

  test("for what is not there says so", async () => {
    const response = await call({ method: "DELETE", url: "/v1/connections/00000000-0000-4000-8000-000000000000" });
    expect([response.status, response.data]).toEqual([
      404,
      expect.objectContaining({ message: "errMsg_RecordNotFound", errCode: "ConnectionNotFound" }),
    ]);
  });
});
