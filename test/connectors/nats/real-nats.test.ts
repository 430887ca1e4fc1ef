import { connect } from "@nats-io/transport-node";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { canary } from "../../support/canary.ts";
import { freePort } from "../../support/free-port.ts";
import { startBlackHole } from "../../support/servers/black-hole.ts";
import { authority, client, otherAuthority, otherClient } from "../../support/servers/certificates.ts";
import { serverForTests } from "../../support/servers/server-for-tests.ts";
import { startNats } from "../../support/servers/start-nats.ts";
import { startNatsCluster } from "../../support/servers/start-nats-cluster.ts";
import { wrongPassword } from "../../support/servers/users-for.ts";
import { faultMatrix } from "../fault-matrix.ts";
import { discoverWith, failure, steps, tryConnector } from "../run-probe.ts";

const nats = await serverForTests(startNats);
const cluster = await serverForTests(startNatsCluster);
const astray = await serverForTests(startNatsCluster, { advertise: "169.254.169.254:80" });
const hole = await startBlackHole();
const closed = await freePort();
/** What this process has open and running: nothing of a test may stay behind. */
const resources = () =>
  process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap" || name === "Timeout").length;
let before = 0;
// Counted in the same way as after the test: vitest has timers of its own.
beforeEach(() => expect.poll(() => (before = resources())).toBeGreaterThanOrEqual(0));
afterEach(() => expect.poll(resources).toBeLessThanOrEqual(before));
afterAll(async () => {
  for (const server of [nats, cluster, astray]) await server.stop();
  await hole.stop();
});

const withPassword = (value: { username: string; password: string }) => ({
  authentication: { case: "password" as const, value },
});
const withJwt = ({ jwt, seed }: { jwt: string; seed: string }) => ({
  authentication: { case: "jwt" as const, value: { jwt, nkeySeed: seed } },
});
const withToken = (token: string) => ({ authentication: { case: "token" as const, value: { token } } });
const factsOf = ({ report }: Awaited<ReturnType<typeof tryConnector>>) =>
  Object.fromEntries(report.facts.map(({ name, value }) => [name, value]));

describe("a real NATS", () => {
  const { port, tls, mutual, open, token, jwt, users } = nats;
  const tester = withPassword(users.tester);
  const at = (where: number | string) => ({ servers: `127.0.0.1:${where}`, ...tester });
  const secured = (where: number) => ({ servers: `localhost:${where}`, ...tester, tls: { ca: authority } });

  faultMatrix("nats", {
    right: [
      at(port),
      { ...at(port), servers: `nats://localhost:${port}` },
      secured(tls.good),
      { ...secured(tls.good), servers: `tls://localhost:${tls.good}` },
      { ...secured(mutual), tls: { ca: authority, ...client } },
      { servers: `127.0.0.1:${open}` },
      { servers: `127.0.0.1:${token.port}`, ...withToken(token.value) },
      { servers: `127.0.0.1:${jwt.port}`, ...withJwt(jwt.tester) },
    ],
    "wrong host": {
      config: { servers: "nowhere.invalid", ...tester },
      fails: ["RESOLVE", "NAME_NOT_FOUND", "servers"],
    },
    "closed port": { config: at(closed), fails: ["CONNECT", "CONNECTION_REFUSED", "servers"] },
    "black hole": { config: at(hole.full), fails: ["CONNECT", "TIMED_OUT", "servers"] },
    "wrong CA": {
      config: { ...secured(tls.good), tls: { ca: otherAuthority } },
      fails: ["TLS", "TLS_UNTRUSTED", "tls.ca"],
    },
    "expired certificate": { config: secured(tls.expired), fails: ["TLS", "TLS_EXPIRED", "tls"] },
    "wrong name": { config: secured(tls["other-name"]), fails: ["TLS", "TLS_NAME_MISMATCH", "tls.server_name"] },
    "wrong password": {
      config: { ...at(port), ...withPassword({ ...users.tester, password: wrongPassword }) },
      fails: ["AUTHENTICATE", "PASSWORD_WRONG", "password.password"],
    },
    "no permission": {
      config: { ...at(port), ...withPassword(users.outsider) },
      fails: ["AUTHORIZE", "PERMISSION_DENIED", "password.username"],
    },
  });

  test.each([
    [
      "a wrong token",
      { servers: `127.0.0.1:${token.port}`, ...withToken(canary("nats-wrong-token")) },
      "PASSWORD_WRONG",
      "token.token",
    ],
    ["no token", { servers: `127.0.0.1:${token.port}` }, "PASSWORD_MISSING", "password"],
    ["no password", { servers: `127.0.0.1:${port}` }, "PASSWORD_MISSING", "password"],
    [
      "the seed of another",
      { servers: `127.0.0.1:${jwt.port}`, ...withJwt({ ...jwt.tester, seed: jwt.outsider.seed }) },
      "PASSWORD_WRONG",
      "jwt.jwt",
    ],
    ["a password for a JWT", { ...at(jwt.port) }, "PASSWORD_WRONG", "password.password"],
    [
      "a JWT without permissions",
      { servers: `127.0.0.1:${jwt.port}`, ...withJwt(jwt.outsider) },
      "PERMISSION_DENIED",
      "jwt.jwt",
    ],
    ["no certificate", { ...secured(mutual) }, "TLS_REFUSED", "tls.cert"],
    ["another certificate", { ...secured(mutual), tls: { ca: authority, ...otherClient } }, "TLS_REFUSED", "tls.cert"],
    ["TLS where there is none", secured(port), "TLS_NOT_OFFERED", "tls"],
  ])("refuses %s", async (_, config, code, field) => {
    const outcome = await tryConnector("nats", config);
    expect(outcome.error).toBe(true);
    expect(failure(outcome)).toMatchObject({ code, field });
  });

  test("tells what it is, in the order of what was done", async () => {
    const outcome = await tryConnector("nats", secured(tls.good));
    expect(steps(outcome)).toEqual([
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS PASSED OK",
      "AUTHENTICATE PASSED OK",
      "AUTHORIZE PASSED OK",
      "CAPABILITY PASSED OK",
    ]);
    const facts = factsOf(outcome);
    expect(facts).toMatchObject({ account: "$G", jetstream: "false", max_payload: "1048576", tls_version: "TLSv1.3" });
    expect(facts.server_version).toMatch(/^2\.\d+\.\d+/);
    expect(facts.round_trip_ms).toMatch(/^\d/);
  });

  test("gets TLS when it wants it, though none is configured", async () => {
    const outcome = await tryConnector("nats", at(tls.good));
    expect(steps(outcome)).toContain("TLS SKIPPED NOT_CONFIGURED");
    expect(failure(outcome)).toMatchObject({ code: "TLS_UNTRUSTED", field: "tls.ca" });
  });

  test("warns of what travels in clear, and of a log-in that nobody asks for", async () => {
    expect(steps(await tryConnector("nats", at(port)))).toContain("AUTHENTICATE WARNING PASSWORD_IN_CLEAR");
    expect(steps(await tryConnector("nats", at(open)))).toContain("AUTHENTICATE WARNING LOGIN_NOT_EXPECTED");
  });

  test("one of two servers that is down is a warning", async () => {
    const outcome = await tryConnector("nats", { ...at(port), servers: `127.0.0.1:${closed}, 127.0.0.1:${port}` });
    expect(outcome.error).toBe(false);
    expect(steps(outcome)).toContain("CONNECT WARNING CONNECTION_REFUSED");
  });

  test("is only asked about itself: on nobody's subjects anything is heard", async () => {
    const listener = await connect({
      servers: `127.0.0.1:${port}`,
      user: users.tester.username,
      pass: users.tester.password,
    });
    try {
      const heard: string[] = [];
      listener.subscribe(">", { callback: (_, { subject }) => void heard.push(subject) });
      await listener.flush();
      await tryConnector("nats", at(port));
      await discoverWith("nats", at(port));
      // The advisory is the server's own, sent in its own time: it may come before or after the answer that it is about.
      const about = () => heard.map((subject) => subject.replace(/^_INBOX\..*/, "_INBOX")).sort();
      const expected = ["$JS.API.STREAM.LIST", "$JS.EVENT.ADVISORY.API", "$SYS.REQ.USER.INFO", "_INBOX", "_INBOX"];
      await expect.poll(about).toEqual(expected);
      await listener.flush();
      expect(about()).toEqual(expected);
    } finally {
      await listener.close();
    }
  });

  test("lists its streams in pages, each once", async () => {
    const maker = await connect({
      servers: `127.0.0.1:${port}`,
      user: users.tester.username,
      pass: users.tester.password,
    });
    const names = ["ALPHA", "BETA", "GAMMA", "ORDERS"];
    for (const name of names.slice(0, 3)) {
      const config = { name, subjects: [`${name.toLowerCase()}.>`, `of.${name}`], storage: "memory" };
      await maker.request(`$JS.API.STREAM.CREATE.${name}`, JSON.stringify(config));
    }
    await maker.close();
    for (const pageSize of [1, 3, 4, 50]) {
      const found: string[] = [];
      let cursor = "";
      do {
        const outcome = await discoverWith("nats", at(port), { pageSize, cursor });
        expect(outcome.error).toBe(false);
        expect(outcome.page.resources.length).toBeLessThanOrEqual(pageSize);
        found.push(...outcome.page.resources.map(({ name = "" }) => name));
        cursor = outcome.page.nextCursor;
      } while (cursor !== "");
      expect(found).toEqual(names);
    }
    const { page } = await discoverWith("nats", at(port), { pageSize: 1 });
    expect(page.resources).toMatchObject([
      { kind: "stream", container: false, facts: { subjects: "alpha.> of.ALPHA", messages: "0" } },
    ]);
  });

  test("has no streams without JetStream, and does not list them to everybody", async () => {
    const without = await discoverWith("nats", { servers: `127.0.0.1:${open}` });
    expect(without).toMatchObject({ error: false, page: { resources: [], nextCursor: "" } });
    expect(factsOf(without)).toMatchObject({ account_jetstream: "false" });
    const denied = await discoverWith("nats", { ...at(port), ...withPassword(users.outsider) });
    expect(failure(denied)).toMatchObject({ code: "PERMISSION_DENIED", field: "password.username" });
    expect(steps(denied)).toContain("AUTHORIZE FAILED PERMISSION_DENIED");
  });
});

describe("a real cluster", () => {
  const { ports, users } = cluster;
  const tester = withPassword(users.tester);

  test("is visited where it sends its clients", async () => {
    const outcome = await tryConnector("nats", { servers: `127.0.0.1:${ports[0]}`, ...tester });
    expect(outcome.error).toBe(false);
    expect(factsOf(outcome)).toMatchObject({ cluster: "test", announced_servers: "2" });
    const connected = outcome.report.steps.filter(({ stage }) => stage === TestStage.CONNECT);
    expect(connected.map(({ endpoint }) => endpoint)).toEqual(ports.map((port) => `127.0.0.1:${port}`));
  });

  test("that is configured as a whole is visited once", async () => {
    const servers = ports.map((port) => `127.0.0.1:${port}`).join(",");
    const outcome = await tryConnector("nats", { servers, ...tester });
    expect(outcome.error).toBe(false);
    expect(outcome.report.steps.filter(({ stage }) => stage === TestStage.CONNECT)).toHaveLength(2);
  });
});

describe("a real cluster that sends its clients to cloud metadata", () => {
  test("is not followed there", async () => {
    const { ports, users } = astray;
    const outcome = await tryConnector("nats", { servers: `127.0.0.1:${ports[0]}`, ...withPassword(users.tester) });
    expect(outcome.error).toBe(true);
    expect(failure(outcome)).toMatchObject({ code: "EGRESS_DENIED", endpoint: "169.254.169.254:80", field: "servers" });
    expect(failure(outcome)?.hint).toContain("connect_urls");
  });
});
