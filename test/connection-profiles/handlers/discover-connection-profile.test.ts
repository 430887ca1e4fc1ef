import { connect } from "node:net";
import { create } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { TestReportSchema, TestStage, TestStatus } from "../../../gen/connectory/v1/test_report_pb.js";
import type { DiscoveryRequest } from "../../../src/connectors/sdk/connector.ts";
import { emptyPage } from "../../../src/test-workers/probe/run-probe.ts";
import type { WorkerPool } from "../../../src/test-workers/worker-pool.ts";
import { type LocalServer, startLocalServer } from "../../connectors/local-server.ts";
import { canary } from "../../support/canary.ts";
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

const postgres = (value: {
  host?: string;
  port?: number;
  username?: string;
  database?: string;
  password?: string;
}) => ({
  connector: { case: "postgres" as const, value: { host: "127.0.0.1", username: "u", ...value } },
});

/** The run's own PostgreSQL, which lets everybody in, behind a TCP port. */
async function realPostgres() {
  const { host, port, user, database } = service.target as Record<"host" | "user" | "database", string> & {
    port: number;
  };
  const server = await startLocalServer((socket) => {
    const to = connect(`${host}/.s.PGSQL.${port}`);
    socket.pipe(to).pipe(socket);
    to.on("error", () => socket.destroy());
    socket.once("close", () => to.destroy());
  });
  servers.push(server);
  return postgres({ port: server.port, username: user, database });
}

const report = create(TestReportSchema, { steps: [{ stage: TestStage.CAPABILITY, status: TestStatus.PASSED }] });

/** A system with so many things in it, and the discoveries that it was asked. */
function systemOf(count: number) {
  const discoveries: DiscoveryRequest[] = [];
  const runTest: WorkerPool["run"] = async ({ discovery }) => {
    if (discovery === undefined) throw new Error("that was a test");
    discoveries.push(discovery);
    const from = Number(discovery.cursor || "0");
    const to = Math.min(from + discovery.pageSize, count);
    const resources = Array.from({ length: to - from }, (_, index) => ({ kind: "table", name: `t${from + index}` }));
    return { error: false, message: "", report, page: { resources, nextCursor: to < count ? String(to) : "" } };
  };
  return { discoveries, runTest };
}

describe("a discovery", () => {
  test("goes through the thread to a real system and back, page by page, and changes no profile", async () => {
    const config = await realPostgres();
    const client = service.clientOf("real");
    const { connectionProfile } = await client.createConnectionProfile({ name: "a", config });
    const id = connectionProfile?.id ?? "";
    const schemas = await client.discoverConnectionProfile({ id });
    expect(schemas.resources).toMatchObject([{ kind: "schema", name: "public", container: true }]);
    expect(schemas.report?.steps.map(({ stage }) => stage)).toContain(TestStage.CAPABILITY);

    const names: string[] = [];
    for (let pageToken = "", pages = 0; pages === 0 || pageToken !== ""; pages++) {
      const page = await client.discoverConnectionProfile({ id, parent: "public", pageSize: 3, pageToken });
      expect(page.resources.length).toBeLessThanOrEqual(3);
      names.push(...page.resources.map(({ name }) => name));
      pageToken = page.nextPageToken;
    }
    expect(names).toContain("public.connection_profile");
    expect(new Set(names).size).toBe(names.length);
    expect((await client.getConnectionProfile({ id })).connectionProfile?.lastTest).toBeUndefined();
    const tries = await service.knex("event").where({ organization_id: "real", type: "connection-profile.tested" });
    expect(tries.every(({ data }) => data.test.kind === "discovery")).toBe(true);
  });

  test("of a system that cannot be used says why", async () => {
    const port = await freePort();
    const failed = await failureOf(service.clientOf("down").discoverConnectionProfile({ config: postgres({ port }) }));
    expect(failed).toMatchObject({ code: "FailedPrecondition", reason: "TARGET_UNUSABLE" });
    expect(failed.message).toContain("CONNECTION_REFUSED");
    expect(failed.report?.steps.find(({ status }) => status === TestStatus.FAILED)?.stage).toBe(TestStage.CONNECT);
  });

  test.each([
    [{ config: { connector: { case: "mqtt" as const, value: { url: "mqtt://broker.example" } } } }, "mqtt"],
    [{ connector: "blackhole" }, "blackhole"],
  ])("case %#: of what cannot be listed is refused before anything is dialled", async (request, connector) => {
    const { runTest, discoveries } = systemOf(1);
    const client = service.clientOf("unlistable", "alice", { runTest });
    expect(await failureOf(client.discoverConnectionProfile(request))).toMatchObject({
      reason: "DISCOVERY_NOT_SUPPORTED",
      metadata: { connector },
    });
    expect(discoveries).toEqual([]);
  });

  test("has pages of 50, or of what is asked for, up to 1000", async () => {
    const { runTest, discoveries } = systemOf(2000);
    const client = service.clientOf("sizes", "alice", { runTest });
    for (const pageSize of [0, 7, 5000])
      expect((await client.discoverConnectionProfile({ config: postgres({}), pageSize })).resources).toHaveLength(
        Math.min(pageSize || 50, 1000),
      );
    expect(discoveries.map(({ pageSize }) => pageSize)).toEqual([50, 7, 1000]);
  });
});

describe("a page token", () => {
  const { runTest, discoveries } = systemOf(100);
  const config = postgres({ password: canary("first") });

  test("goes on where the page ended, with a secret typed again and another page size too", async () => {
    const client = service.clientOf("token", "alice", { runTest });
    const { nextPageToken } = await client.discoverConnectionProfile({ config, parent: "public", pageSize: 10 });
    const retyped = postgres({ password: canary("second") });
    const request = { config: retyped, parent: "public", pageSize: 5, pageToken: nextPageToken };
    expect((await client.discoverConnectionProfile(request)).resources[0]?.name).toBe("t10");
    expect(discoveries.at(-1)).toEqual({ parent: "public", pageSize: 5, cursor: "10" });
  });

  test("is of no use for another parent, another destination, another organization, or changed", async () => {
    const client = service.clientOf("token", "alice", { runTest });
    const { nextPageToken: pageToken } = await client.discoverConnectionProfile({ config, parent: "public" });
    const before = discoveries.length;
    const outsider = service.clientOf("outsider", "alice", { runTest });
    const calls = [
      client.discoverConnectionProfile({ config, parent: "other", pageToken }),
      client.discoverConnectionProfile({ config: postgres({ host: "other.example" }), parent: "public", pageToken }),
      client.discoverConnectionProfile({ config: postgres({ database: "other" }), parent: "public", pageToken }),
      outsider.discoverConnectionProfile({ config, parent: "public", pageToken }),
      client.discoverConnectionProfile({ config, parent: "public", pageToken: `A${pageToken.slice(1)}A` }),
    ];
    for (const refusal of await Promise.all(calls.map(failureOf)))
      expect(refusal).toMatchObject({ reason: "PAGE_TOKEN_INVALID", fields: ["page_token"] });
    expect(discoveries.length).toBe(before);
  });

  test("fits into a request whatever the cursor is", async () => {
    const cursor = "\u{10348}".repeat(700);
    const long: WorkerPool["run"] = async ({ discovery }) => ({
      error: false,
      message: "",
      report,
      page: discovery?.cursor === cursor ? emptyPage : { resources: [], nextCursor: cursor },
    });
    const client = service.clientOf("long", "alice", { runTest: long });
    const { nextPageToken: pageToken } = await client.discoverConnectionProfile({ config });
    expect((await client.discoverConnectionProfile({ config, pageToken })).nextPageToken).toBe("");
  });
});
