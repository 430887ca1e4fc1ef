import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { TestStatus } from "../../../gen/connectory/v1/test_report_pb.js";
import { connectors } from "../../../src/connectors/registry.ts";
import { blackHole, type LocalServer, startLocalServer } from "../../connectors/local-server.ts";
import { freePort } from "../../support/free-port.ts";
import { failureOf } from "../expect-error.ts";
import { startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
const servers: LocalServer[] = [];
beforeAll(async () => {
  service = await startProfileService();
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
afterAll(() => service.drop());

const postgres = (value: { host?: string; port: number; username?: string; password?: string; database?: string }) => ({
  connector: { case: "postgres" as const, value: { host: "127.0.0.1", username: "u", password: "p", ...value } },
});

async function hole(): Promise<LocalServer> {
  const server = await blackHole();
  servers.push(server);
  return server;
}

/** The run's own PostgreSQL, which lets everybody in, behind a TCP port. */
async function realPostgres(): Promise<LocalServer> {
  const { host, port } = service.target as { host: string; port: number };
  const server = await startLocalServer((socket) => {
    const to = connect(`${host}/.s.PGSQL.${port}`);
    socket.pipe(to).pipe(socket);
    to.on("error", () => socket.destroy());
    socket.once("close", () => to.destroy());
  });
  servers.push(server);
  return server;
}

describe("what is tested", () => {
  test("an unsaved configuration, which is not kept", async () => {
    const { port } = await realPostgres();
    const { user, database } = service.target as { user: string; database: string };
    const client = service.clientOf("unsaved");
    const config = postgres({ port, username: user, database });
    const answer = await client.testConnectionProfile({ name: "later", connector: "postgres", config });
    expect(answer).toMatchObject({ error: false, done: true });
    expect(answer.message).toBe(`PostgreSQL answered at ${user}@127.0.0.1:${port}/${database}`);
    expect(answer.report?.facts.map(({ name }) => name)).toContain("server_version");
    expect((await client.listConnectionProfiles({})).connectionProfiles).toEqual([]);
  });

  test("a saved profile with its stored secrets", async () => {
    let heard = "";
    const server = await startLocalServer((socket) => {
      socket.on("data", (chunk: Buffer) => {
        heard += chunk.toString();
        socket.end();
      });
    });
    servers.push(server);
    const client = service.clientOf("saved");
    const redis = { address: `redis://${server.endpoint}`, password: "the stored one ä" };
    const config = { connector: { case: "redis" as const, value: redis } };
    const { connectionProfile } = await client.createConnectionProfile({ name: "a", config });
    const answer = await client.testConnectionProfile({ id: connectionProfile?.id ?? "", connector: "redis" });
    expect(heard).toContain("the stored one ä");
    expect(answer).toMatchObject({ error: true, done: true });
    expect(answer.message).toContain("CONNECTION_CLOSED");
  });

  test.each([
    [{}, "FIELD_INVALID", ["config"]],
    [{ id: "nonsense" }, "FIELD_INVALID", ["id"]],
    [{ config: {} }, "FIELD_INVALID", ["config.connector"]],
    [{ config: postgres({ port: 1, username: "" }) }, "FIELD_INVALID", ["config.postgres.username"]],
    [{ config: postgres({ port: 1 }), connector: "kafka" }, "CONNECTOR_MISMATCH", ["connector"]],
    [{ config: postgres({ port: 1 }), connector: "nope" }, "CONNECTOR_UNKNOWN", ["connector"]],
  ])("case %#: a request that is wrong is refused before anything is dialled", async (request, reason, fields) => {
    expect(await failureOf(service.clientOf("wrong").testConnectionProfile(request))).toMatchObject({
      code: "InvalidArgument",
      reason,
      fields,
    });
  });

  test("a connector without a test says so and is no pass", async () => {
    const { test: _, ...untestable } = connectors.postgres;
    const client = service.clientOf("untestable", "alice", { registry: { ...connectors, postgres: untestable } });
    const answer = await client.testConnectionProfile({ config: postgres({ port: 1 }) });
    expect(answer).toMatchObject({ error: false, done: true, message: "This connector does not support testing" });
    expect(answer.report?.steps.length).toBeGreaterThan(0);
    expect(answer.report?.steps.every(({ status }) => status === TestStatus.NOT_EXECUTED)).toBe(true);
    expect((await client.getConnector({ id: "postgres" })).connector?.testable).toBe(false);
  });
});

/** A client of an organization whose thread runs already: its start is not part of what a deadline is for. */
async function warm(organization: string) {
  const client = service.clientOf(organization);
  await client.testConnectionProfile({ config: postgres({ port: await freePort() }) });
  return client;
}

describe("a target that never answers", () => {
  test("is given up at the test's deadline", async () => {
    const server = await hole();
    const client = service.clientOf("slow", "alice", { deadlineMs: 5000 });
    const answer = await client.testConnectionProfile({ config: postgres({ port: server.port }) });
    expect(answer).toMatchObject({ error: true, done: true });
    expect(answer.message).toContain("TIMED_OUT");
    await expect.poll(() => server.open()).toBe(0);
  });

  test("is given up before the caller's own deadline, so that the report arrives", async () => {
    const server = await hole();
    const config = postgres({ port: server.port });
    const client = await warm("punctual");
    const answer = await client.testConnectionProfile({ config }, { timeoutMs: 4000 });
    expect(answer.message).toContain("TIMED_OUT");
    await expect.poll(() => server.open()).toBe(0);
  });

  test.each([4000, 6000])(
    "is given up in time when it has to be by force, of a caller with %d ms too",
    async (timeoutMs) => {
      // A message of pg that never ends: its parser does not come back, and no deadline of ours is heard.
      const server = await startLocalServer((socket) =>
        socket.once("data", () => socket.write(Buffer.from("450000000553", "hex"))),
      );
      servers.push(server);
      const config = postgres({ port: server.port });
      const client = await warm(`hangs ${timeoutMs}`);
      const answer = await client.testConnectionProfile({ config }, { timeoutMs });
      expect(answer.message).toContain("TIMED_OUT");
      await expect.poll(() => server.open()).toBe(0);
    },
  );

  test("is left when the caller goes away", async () => {
    const server = await hole();
    const caller = new AbortController();
    const config = postgres({ port: server.port });
    const call = failureOf(
      service.clientOf("left", "alice", { deadlineMs: 600_000 }).testConnectionProfile({ config }, caller),
    );
    await expect.poll(() => server.open()).toBe(1);
    caller.abort();
    expect((await call).code).toBe("Canceled");
    await expect.poll(() => server.open()).toBe(0);
  });
});

describe("too many tests at once", () => {
  test("are refused for one organization while another goes on, and let in again afterwards", async () => {
    const server = await hole();
    const client = service.clientOf("busy", "alice", {
      limits: { total: 10, perOrganization: 1, perTarget: 10 },
      deadlineMs: 600_000,
    });
    const config = postgres({ port: server.port });
    const caller = new AbortController();
    const first = failureOf(client.testConnectionProfile({ config }, caller));
    await expect.poll(() => server.open()).toBe(1);
    expect(await failureOf(client.testConnectionProfile({ config }))).toMatchObject({
      code: "ResourceExhausted",
      reason: "TOO_MANY_TESTS",
      retry: true,
    });
    caller.abort();
    await first;
    const closed = postgres({ port: await freePort() });
    expect(await client.testConnectionProfile({ config: closed })).toMatchObject({ error: true });
  });
});
