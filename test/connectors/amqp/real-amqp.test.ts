import { afterAll, afterEach, describe, expect, test } from "vitest";
import { freePort } from "../../support/free-port.ts";
import { startBlackHole } from "../../support/servers/black-hole.ts";
import { authority, client, otherAuthority } from "../../support/servers/certificates.ts";
import { serverForTests } from "../../support/servers/server-for-tests.ts";
import { startRabbitmq } from "../../support/servers/start-rabbitmq.ts";
import { wrongPassword } from "../../support/servers/users-for.ts";
import { faultMatrix } from "../fault-matrix.ts";
import { openResources } from "../open-resources.ts";
import { failure, steps, tryConnector } from "../run-probe.ts";

const [server, hole] = await Promise.all([serverForTests(startRabbitmq, { management: true }), startBlackHole()]);
const closed = await freePort();
const before = openResources();
afterEach(() => expect.poll(openResources).toBeLessThanOrEqual(before));
afterAll(() => Promise.all([server.stop(), hole.stop()]));

const facts = ({ report }: Awaited<ReturnType<typeof tryConnector>>) =>
  Object.fromEntries(report.facts.map(({ name, value }) => [name, value]));
const host = "127.0.0.1";
const tls = { ca: authority };

describe("a real RabbitMQ", () => {
  const { amqp, stream, management, vhost, users } = server;
  const { port, tls: secured, mutual } = amqp;
  const { tester, outsider } = users;

  faultMatrix("amqp", {
    right: [
      { host, port, ...tester },
      { host, port, ...tester, virtualHost: vhost },
      { host: "localhost", port: secured.good, ...tester, tls },
      { host, port: secured["other-name"], ...tester, tls: { ...tls, serverName: "broker.example" } },
      { host, port: mutual, ...tester, tls: { ...tls, ...client } },
    ],
    "wrong host": {
      config: { host: "no-such-host.invalid", port, ...tester },
      fails: ["RESOLVE", "NAME_NOT_FOUND", "host"],
    },
    "closed port": {
      config: { host, port: closed, ...tester },
      fails: ["CONNECT", "CONNECTION_REFUSED", "host"],
    },
    "black hole": {
      config: { host, port: hole.silent, ...tester },
      fails: ["AUTHENTICATE", "TIMED_OUT", "username"],
    },
    "wrong CA": {
      config: { host, port: secured.good, ...tester, tls: { ca: otherAuthority } },
      fails: ["TLS", "TLS_UNTRUSTED", "tls.ca"],
    },
    "expired certificate": {
      config: { host, port: secured.expired, ...tester, tls },
      fails: ["TLS", "TLS_EXPIRED", "tls"],
    },
    "wrong name": {
      config: { host, port: secured["other-name"], ...tester, tls },
      fails: ["TLS", "TLS_NAME_MISMATCH", "tls.server_name"],
    },
    "wrong password": {
      config: { host, port, ...tester, password: wrongPassword },
      fails: ["AUTHENTICATE", "PASSWORD_WRONG", "password"],
    },
    "no permission": {
      config: { host, port, ...outsider, virtualHost: vhost },
      fails: ["AUTHORIZE", "PERMISSION_DENIED", "virtual_host"],
    },
  });

  test("is logged in to and tells what it is, and nothing in it changes", async () => {
    const definitions = await askManagement("definitions");
    const outcome = await tryConnector("amqp", { host, port, ...tester, virtualHost: vhost });
    expect(outcome.message).toBe(`AMQP answered at ${tester.username}@${host}:${port}/${vhost}`);
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
      product: "RabbitMQ",
      server_version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      cluster_name: expect.stringContaining("@"),
      platform: expect.stringContaining("Erlang"),
    });
    expect(definitions.queues).toHaveLength(2);
    expect(await askManagement("definitions")).toEqual(definitions);
    await expect.poll(() => askManagement("connections"), { interval: 500 }).toEqual([]);
  });

  test("in TLS tells version and expiry, and does not warn of the password", async () => {
    const outcome = await tryConnector("amqp", { host, port: secured.good, ...tester, tls });
    expect(steps(outcome)).toContain("AUTHENTICATE PASSED OK");
    expect(facts(outcome)).toMatchObject({
      tls_version: "TLSv1.3",
      certificate_expires: expect.stringMatching(/^2\d\d\d-/),
    });
  });

  test.each([
    ["no password", { password: "" }, "AUTHENTICATE FAILED PASSWORD_MISSING", "password"],
    ["an unknown user", { username: "nobody" }, "AUTHENTICATE FAILED PASSWORD_WRONG", "password"],
    ["nothing but the password", { username: "" }, "AUTHENTICATE FAILED PASSWORD_WRONG", "password"],
    ["an unknown virtual host", { virtualHost: "nowhere" }, "AUTHORIZE FAILED VIRTUAL_HOST_UNKNOWN", "virtual_host"],
  ])("with %s", async (_, difference, step, field) => {
    const outcome = await tryConnector("amqp", { host, port, ...tester, ...difference });
    expect(steps(outcome)).toContain(step);
    expect(failure(outcome)?.field).toBe(field);
  });

  test("on the port of streams, in clear on a TLS port, in TLS on a port in clear, without a certificate", async () => {
    const elsewhere = await tryConnector("amqp", { host, port: stream.port, ...tester });
    expect(failure(elsewhere)).toMatchObject({ code: "NOT_AN_AMQP_BROKER", hint: expect.stringContaining("5552") });
    const clear = await tryConnector("amqp", { host, port: secured.good, ...tester });
    expect(failure(clear)?.code).toBe("NOT_AN_AMQP_BROKER");
    const encrypted = await tryConnector("amqp", { host, port, ...tester, tls });
    expect(failure(encrypted)?.code).toMatch(/^TLS_/);
    const uncertified = await tryConnector("amqp", { host, port: mutual, ...tester, tls });
    expect(failure(uncertified)?.hint).toContain("client certificate");
  });

  /** What RabbitMQ's management API says. */
  async function askManagement(path: string): Promise<Record<string, unknown>> {
    const authorization = `Basic ${Buffer.from(`${tester.username}:${tester.password}`).toString("base64")}`;
    const answer = await fetch(`http://${host}:${management}/api/${path}`, {
      headers: { authorization, connection: "close" },
    });
    expect(answer.status).toBe(200);
    return (await answer.json()) as Record<string, unknown>;
  }
});
