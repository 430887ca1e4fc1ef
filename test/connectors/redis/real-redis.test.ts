import { afterAll, afterEach, describe, expect, test } from "vitest";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { canary } from "../../support/canary.ts";
import { freePort } from "../../support/free-port.ts";
import { startBlackHole } from "../../support/servers/black-hole.ts";
import { authority, client, otherAuthority } from "../../support/servers/certificates.ts";
import { serverForTests } from "../../support/servers/server-for-tests.ts";
import { askRedis, startRedis } from "../../support/servers/start-redis.ts";
import { startRedisCluster } from "../../support/servers/start-redis-cluster.ts";
import { wrongPassword } from "../../support/servers/users-for.ts";
import { faultMatrix } from "../fault-matrix.ts";
import { endedIn, failure, steps, tryConnector } from "../run-probe.ts";

const [server, cluster, hole] = await Promise.all([
  serverForTests(startRedis),
  serverForTests(startRedisCluster),
  startBlackHole(),
]);
const closed = await freePort();
/** What this process has open and running: nothing of a test may stay behind. */
const resources = () =>
  process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap" || name === "Timeout").length;
const before = resources();
afterEach(() => expect.poll(resources).toBeLessThanOrEqual(before));
afterAll(() => Promise.all([server, cluster, hole].map((one) => one?.stop())));

const facts = ({ report }: Awaited<ReturnType<typeof tryConnector>>) =>
  Object.fromEntries(report.facts.map(({ name, value }) => [name, value]));
const tls = { ca: authority };

describe("a real Redis", () => {
  const { port, tls: secured, mutual, users } = server;
  const { tester, outsider } = users;
  const address = `redis://127.0.0.1:${port}`;
  const encrypted = (at: number) => `rediss://127.0.0.1:${at}`;

  faultMatrix("redis", {
    right: [
      { address, ...tester },
      { address: `${address}/3`, password: users.default.password },
      { address: `rediss://localhost:${secured.good}`, ...tester, tls },
      { address: encrypted(secured.good), ...tester, tls },
      { address: encrypted(secured["other-name"]), ...tester, tls: { ...tls, serverName: "broker.example" } },
      { address: encrypted(mutual), ...tester, tls: { ...tls, ...client } },
    ],
    "wrong host": {
      config: { address: "redis://no-such-host.invalid", ...tester },
      fails: ["RESOLVE", "NAME_NOT_FOUND", "address"],
    },
    "closed port": {
      config: { address: `redis://127.0.0.1:${closed}`, ...tester },
      fails: ["CONNECT", "CONNECTION_REFUSED", "address"],
    },
    "black hole": {
      config: { address: `redis://127.0.0.1:${hole.silent}`, ...tester },
      fails: ["AUTHENTICATE", "TIMED_OUT", "address"],
    },
    "wrong CA": {
      config: { address: encrypted(secured.good), ...tester, tls: { ca: otherAuthority } },
      fails: ["TLS", "TLS_UNTRUSTED", "tls.ca"],
    },
    "expired certificate": {
      config: { address: encrypted(secured.expired), ...tester, tls },
      fails: ["TLS", "TLS_EXPIRED", "tls"],
    },
    "wrong name": {
      config: { address: encrypted(secured["other-name"]), ...tester, tls },
      fails: ["TLS", "TLS_NAME_MISMATCH", "tls.server_name"],
    },
    "wrong password": {
      config: { address, ...tester, password: wrongPassword },
      fails: ["AUTHENTICATE", "PASSWORD_WRONG", "password"],
    },
    "no permission": {
      config: { address, ...outsider },
      fails: ["AUTHORIZE", "PERMISSION_DENIED", "username"],
    },
  });

  test("is logged in to and asked what it is, and nothing about it changes", async () => {
    const keys = await askRedis(port, "DBSIZE");
    const calls = await writes();
    const outcome = await tryConnector("redis", { address, ...tester });
    expect(outcome.message).toBe(`Redis answered at 127.0.0.1:${port}`);
    expect(steps(outcome)).toEqual([
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS SKIPPED NOT_CONFIGURED",
      "AUTHENTICATE WARNING PASSWORD_IN_CLEAR",
      "AUTHORIZE PASSED OK",
      "CAPABILITY PASSED OK",
    ]);
    expect(facts(outcome)).toEqual({
      server_version: expect.stringMatching(/^\d+\./),
      mode: "standalone",
      role: "master",
    });
    expect(await askRedis(port, "DBSIZE")).toBe(keys);
    expect(await writes()).toBe(calls);
  });

  /** How many commands changed something, ever. */
  async function writes(): Promise<string | undefined> {
    return /rdb_changes_since_last_save:(\d+)/.exec(await askRedis(port, "INFO persistence"))?.[1];
  }

  test("in TLS tells version and expiry, and does not warn of the password", async () => {
    const outcome = await tryConnector("redis", { address: encrypted(secured.good), ...tester, tls });
    expect(steps(outcome)).toContain("AUTHENTICATE PASSED OK");
    expect(facts(outcome)).toMatchObject({
      tls_version: "TLSv1.3",
      certificate_expires: expect.stringMatching(/^2\d\d\d-/),
    });
  });

  test.each([
    ["no log-in at all", {}, "AUTHENTICATE FAILED PASSWORD_MISSING", "password"],
    [
      "an unknown user",
      { username: "nobody", password: canary("nobody") },
      "AUTHENTICATE FAILED PASSWORD_WRONG",
      "password",
    ],
  ])("with %s", async (_, login, step, field) => {
    const outcome = await tryConnector("redis", { address, ...login });
    expect(steps(outcome)).toContain(step);
    expect(failure(outcome)?.field).toBe(field);
  });

  test("without the database that the path names", async () => {
    const outcome = await tryConnector("redis", { address: `${address}/999`, ...tester });
    expect(failure(outcome)).toMatchObject({ code: "DATABASE_UNKNOWN", field: "address" });
    expect(steps(outcome)).toContain("AUTHORIZE FAILED DATABASE_UNKNOWN");
  });

  test("in clear on a TLS port, in TLS on a port in clear, and without the client's certificate", async () => {
    const clear = await tryConnector("redis", { address: `redis://127.0.0.1:${secured.good}`, ...tester });
    expect(failure(clear)?.code).toMatch(/^(NOT_A_REDIS_SERVER|CONNECTION_CLOSED)$/);
    // Redis waits for the end of a line that never comes.
    const silent = { address: encrypted(port), ...tester, tls };
    const inTls = await endedIn("TLS", (deadlineMs) => tryConnector("redis", silent, { deadlineMs }));
    expect(steps(inTls)).toContain("TLS FAILED TIMED_OUT");
    const uncertified = await tryConnector("redis", { address: encrypted(mutual), ...tester, tls });
    expect(uncertified.error).toBe(true);
  });

  test("that is no cluster, given as one", async () => {
    const outcome = await tryConnector("redis", { addresses: [address], ...tester });
    expect(failure(outcome)).toMatchObject({ code: "NOT_A_CLUSTER", field: "addresses" });
    expect(steps(outcome).slice(-2)).toEqual(["AUTHORIZE PASSED OK", "CAPABILITY FAILED NOT_A_CLUSTER"]);
  });
});

describe("a real Redis cluster", () => {
  const { nodes, users } = cluster;
  const [first, second] = nodes;
  const clear = nodes.map(({ port }) => `redis://127.0.0.1:${port}`);

  test("is asked through its first node that answers, and every node is reached", async () => {
    const outcome = await tryConnector("redis", {
      addresses: [`redis://127.0.0.1:${closed}`, ...clear],
      ...users.tester,
    });
    expect(failure(outcome)).toBeUndefined();
    expect(outcome.error).toBe(false);
    expect(steps(outcome)).toContain("CONNECT WARNING CONNECTION_REFUSED");
    expect(facts(outcome)).toMatchObject({
      mode: "cluster",
      cluster_state: "ok",
      cluster_masters: "3",
      cluster_nodes: "3",
    });
    const answered = outcome.report.steps.filter(({ stage, code }) => stage === TestStage.CAPABILITY && code === "OK");
    expect(answered.map(({ endpoint }) => endpoint).sort()).toEqual(
      nodes.map(({ port }) => `127.0.0.1:${port}`).sort(),
    );
  });

  test("in TLS, from one node", async () => {
    const addresses = [`rediss://127.0.0.1:${first?.tlsPort}`];
    const outcome = await tryConnector("redis", { addresses, ...users.tester, tls });
    expect(failure(outcome)).toBeUndefined();
    const secured = outcome.report.steps.filter(({ stage, code }) => stage === TestStage.TLS && code === "OK");
    expect(secured.map(({ endpoint }) => endpoint).sort()).toEqual(
      nodes.map(({ tlsPort }) => `127.0.0.1:${tlsPort}`).sort(),
    );
  });

  test("with a user who may not ask for its nodes", async () => {
    const outcome = await tryConnector("redis", { addresses: clear, ...users.outsider });
    expect(failure(outcome)).toMatchObject({ code: "PERMISSION_DENIED", field: "username" });
  });

  test("given as a single server works and warns", async () => {
    const outcome = await tryConnector("redis", { address: `redis://127.0.0.1:${second?.port}`, ...users.tester });
    expect(outcome.error).toBe(false);
    expect(steps(outcome).at(-1)).toBe("CAPABILITY WARNING IS_A_CLUSTER");
    expect(outcome.report.steps.at(-1)?.hint).toContain("addresses");
  });
});
