import { connectAsync } from "mqtt";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { freePort } from "../../support/free-port.ts";
import { startBlackHole } from "../../support/servers/black-hole.ts";
import { authority, client, otherAuthority, otherClient } from "../../support/servers/certificates.ts";
import { serverForTests } from "../../support/servers/server-for-tests.ts";
import { startMosquitto } from "../../support/servers/start-mosquitto.ts";
import { wrongPassword } from "../../support/servers/users-for.ts";
import { faultMatrix } from "../fault-matrix.ts";
import { endedIn, failure, steps, tryConnector } from "../run-probe.ts";

const broker = await serverForTests(startMosquitto);
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
  await broker.stop();
  await hole.stop();
});

describe("a real Mosquitto", () => {
  const { port, tls, mutual, websocket, websocketTls, users, device } = broker;
  const { tester, outsider } = users;
  const secured = (at: number) => ({ url: `mqtts://localhost:${at}`, ...tester, tls: { ca: authority } });

  faultMatrix("mqtt", {
    right: [
      { url: `mqtt://127.0.0.1:${port}`, ...tester },
      { url: `tcp://localhost:${port}`, ...tester, clientPrefix: "of-a-test-", maxPacketSize: 1_000_000 },
      secured(tls.good),
      { ...secured(tls.good), url: `ssl://localhost:${tls.good}` },
      { ...secured(tls.good), url: `mqtt://localhost:${tls.good}` },
      { ...secured(mutual), tls: { ca: authority, ...client } },
      { url: `ws://127.0.0.1:${websocket}/mqtt`, ...tester },
      { ...secured(websocketTls), url: `wss://localhost:${websocketTls}/mqtt` },
    ],
    "wrong host": {
      config: { url: "mqtt://nowhere.invalid", ...tester },
      fails: ["RESOLVE", "NAME_NOT_FOUND", "url"],
    },
    "closed port": {
      config: { url: `mqtt://127.0.0.1:${closed}`, ...tester },
      fails: ["CONNECT", "CONNECTION_REFUSED", "url"],
    },
    "black hole": {
      config: { url: `mqtt://127.0.0.1:${hole.full}`, ...tester },
      fails: ["CONNECT", "TIMED_OUT", "url"],
    },
    "wrong CA": {
      config: { ...secured(tls.good), tls: { ca: otherAuthority } },
      fails: ["TLS", "TLS_UNTRUSTED", "tls.ca"],
    },
    "expired certificate": { config: secured(tls.expired), fails: ["TLS", "TLS_EXPIRED", "tls"] },
    "wrong name": { config: secured(tls["other-name"]), fails: ["TLS", "TLS_NAME_MISMATCH", "tls.server_name"] },
    "wrong password": {
      config: { url: `mqtt://127.0.0.1:${port}`, username: tester.username, password: wrongPassword },
      fails: ["AUTHENTICATE", "PASSWORD_WRONG", "password"],
    },
    "no permission": {
      doesNotApply:
        "permissions are by topic, and a configuration names none: it is a warning, which the next test shows",
    },
  });

  test.each([
    ["TCP", `mqtt://127.0.0.1:${port}`],
    ["WebSockets", `ws://127.0.0.1:${websocket}`],
  ])("a user with one client id gets in with that id alone, over %s", async (_, url) => {
    expect(failure(await tryConnector("mqtt", { url, ...device, clientId: "device-1" }))).toBeUndefined();
    for (const other of [{}, { clientPrefix: "device-1" }, { clientId: "device-2" }])
      expect((await tryConnector("mqtt", { url, ...device, ...other })).error).toBe(true);
  });

  test.each([
    ["TCP", `mqtt://127.0.0.1:${port}`],
    ["WebSockets", `ws://127.0.0.1:${websocket}`],
  ])("a user who may do nothing is a warning, over %s", async (_, url) => {
    const outcome = await tryConnector("mqtt", { url, ...outsider });
    expect(outcome.error).toBe(false);
    expect(steps(outcome).at(-1)).toBe("AUTHORIZE WARNING PERMISSION_DENIED");
    expect(outcome.report.steps.at(-1)).toMatchObject({ field: "username", hint: expect.stringContaining("$SYS") });
  });

  test("tells what it is, in the order of what was done", async () => {
    const outcome = await tryConnector("mqtt", secured(tls.good));
    expect(steps(outcome)).toEqual([
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS PASSED OK",
      "AUTHENTICATE PASSED OK",
      "CAPABILITY PASSED OK",
      "AUTHORIZE PASSED OK",
    ]);
    const facts = Object.fromEntries(outcome.report.facts.map(({ name, value }) => [name, value]));
    expect(facts).toMatchObject({ protocol_version: "5", maximum_qos: "2", retain_available: "true" });
    expect(facts.server_version).toMatch(/^mosquitto version \d/);
    expect(facts.tls_version).toBe("TLSv1.3");
  });

  test("nobody hears of a test, and nothing of it stays", async () => {
    const listener = await connectAsync(`mqtt://127.0.0.1:${port}`, { ...tester, reconnectPeriod: 0 });
    try {
      const heard: string[] = [];
      listener.on("message", (topic) => void heard.push(topic));
      await listener.subscribeAsync("#");
      await tryConnector("mqtt", { url: `mqtt://127.0.0.1:${port}`, ...tester });
      // A message of our own comes after any other.
      await listener.publishAsync("end/of/test", "");
      await expect.poll(() => heard).toEqual(["end/of/test"]);
    } finally {
      await listener.endAsync();
    }
  });

  test("warns of a password in clear", async () => {
    const outcome = await tryConnector("mqtt", { url: `mqtt://127.0.0.1:${port}`, ...tester });
    expect(steps(outcome)).toContain("AUTHENTICATE WARNING PASSWORD_IN_CLEAR");
  });

  test("wants a log-in", async () => {
    const outcome = await tryConnector("mqtt", { url: `mqtt://127.0.0.1:${port}` });
    expect(failure(outcome)).toMatchObject({ code: "PASSWORD_MISSING", field: "password" });
  });

  test.each([
    ["none", {}],
    ["another authority's", otherClient],
  ])("wants a client's certificate and gets %s", async (_, pair) => {
    const outcome = await tryConnector("mqtt", { ...secured(mutual), tls: { ca: authority, ...pair } });
    expect(failure(outcome)?.code).toMatch(/^(TLS_REFUSED|CONNECTION_CLOSED)$/);
  });

  test("in clear on a TLS port, and in TLS on a port in clear", async () => {
    const clear = await tryConnector("mqtt", { url: `mqtt://localhost:${tls.good}`, ...tester });
    expect(failure(clear)?.code).toMatch(/^(NOT_AN_MQTT_BROKER|CONNECTION_CLOSED)$/);
    const encrypted = await tryConnector("mqtt", { ...secured(port) });
    expect(failure(encrypted)?.code).toMatch(/^TLS_(CLOSED|NOT_SPOKEN)$/);
  });

  test("a WebSocket where there is none", async () => {
    const config = { url: `ws://127.0.0.1:${port}`, ...tester };
    const outcome = await endedIn("AUTHENTICATE", (deadlineMs) => tryConnector("mqtt", config, { deadlineMs }));
    expect(outcome.error).toBe(true);
    expect(failure(outcome)).toMatchObject({ endpoint: `127.0.0.1:${port}`, field: "url" });
  });
});
