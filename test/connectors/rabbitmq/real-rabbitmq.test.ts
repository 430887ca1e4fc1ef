import { afterAll, afterEach, describe, expect, test } from "vitest";
import { freePort } from "../../support/free-port.ts";
import { startBlackHole } from "../../support/servers/black-hole.ts";
import { authority, client, otherAuthority } from "../../support/servers/certificates.ts";
import { serverForTests } from "../../support/servers/server-for-tests.ts";
import { startRabbitmq } from "../../support/servers/start-rabbitmq.ts";
import { wrongPassword } from "../../support/servers/users-for.ts";
import { faultMatrix } from "../fault-matrix.ts";
import { openResources } from "../open-resources.ts";
import { endedIn, failure, steps, tryConnector } from "../run-probe.ts";

const [server, hole] = await Promise.all([serverForTests(startRabbitmq, { management: true }), startBlackHole()]);
const astray = await serverForTests(startRabbitmq, { advertisedHost: "169.254.169.254", advertisedPort: 80 });
const closed = await freePort();
const before = openResources();
afterEach(() => expect.poll(openResources).toBeLessThanOrEqual(before));
afterAll(() => Promise.all([server.stop(), astray.stop(), hole.stop()]));

const facts = ({ report }: Awaited<ReturnType<typeof tryConnector>>) =>
  Object.fromEntries(report.facts.map(({ name, value }) => [name, value]));
const host = "127.0.0.1";
const tls = { ca: authority };

describe("a real RabbitMQ", () => {
  const { amqp, stream, management, vhost, users } = server;
  const { port, tls: secured, mutual } = stream;
  const { tester, outsider } = users;
  // The ports that only end TLS lead to the port in clear, and that is what RabbitMQ then announces.
  const balanced = { host, ...tester, loadBalancerMode: true };

  faultMatrix("rabbitmq", {
    right: [
      { host, port, ...tester },
      { host: "localhost", port, ...tester, virtualHost: vhost },
      { host: "localhost", port: secured.good, ...tester, tls },
      { ...balanced, port: secured["other-name"], tls: { ...tls, serverName: "broker.example" } },
      { ...balanced, port: mutual, tls: { ...tls, ...client } },
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
    const outcome = await tryConnector("rabbitmq", { host, port, ...tester, virtualHost: vhost });
    expect(outcome.message).toBe(`RabbitMQ Stream answered at ${tester.username}@${host}:${port}/${vhost}`);
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
      advertised_address: `${host}:${port}`,
    });
    expect(definitions.queues).toHaveLength(2);
    expect(await askManagement("definitions")).toEqual(definitions);
    await expect.poll(() => askManagement("connections"), { interval: 500 }).toEqual([]);
  });

  test("in TLS is reached by the name that it was given and by the one that it announces", async () => {
    const outcome = await tryConnector("rabbitmq", { host: "localhost", port: secured.good, ...tester, tls });
    expect(steps(outcome)).toContain("AUTHENTICATE PASSED OK");
    expect(steps(outcome).filter((step) => step === "TLS PASSED OK")).toHaveLength(2);
    expect(facts(outcome)).toMatchObject({
      tls_version: "TLSv1.3",
      certificate_expires: expect.stringMatching(/^2\d\d\d-/),
      advertised_address: `${host}:${secured.good}`,
    });
  });

  test.each([
    ["no password", { password: "" }, "AUTHENTICATE FAILED PASSWORD_MISSING", "password"],
    ["an unknown user", { username: "nobody" }, "AUTHENTICATE FAILED PASSWORD_WRONG", "password"],
    ["an unknown virtual host", { virtualHost: "nowhere" }, "AUTHORIZE FAILED PERMISSION_DENIED", "virtual_host"],
  ])("with %s", async (_, difference, step, field) => {
    const outcome = await tryConnector("rabbitmq", { host, port, ...tester, ...difference });
    expect(steps(outcome)).toContain(step);
    expect(failure(outcome)?.field).toBe(field);
  });

  test("on the port of AMQP, in clear on a TLS port, in TLS on a port in clear, without a certificate", async () => {
    const elsewhere = await tryConnector("rabbitmq", { host, port: amqp.port, ...tester });
    expect(failure(elsewhere)).toMatchObject({ code: "NOT_A_RABBITMQ_STREAM", hint: expect.stringContaining("5672") });
    const clear = await tryConnector("rabbitmq", { host, port: secured.good, ...tester });
    expect(failure(clear)?.code).toBe("NOT_A_RABBITMQ_STREAM");
    const config = { host, port, ...tester, tls };
    const encrypted = await endedIn("TLS", (deadlineMs) => tryConnector("rabbitmq", config, { deadlineMs }));
    expect(failure(encrypted)).toMatchObject({ code: expect.stringMatching(/^(TLS_|TIMED_OUT)/) });
    const uncertified = await tryConnector("rabbitmq", { host, port: mutual, ...tester, tls });
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

describe("a real RabbitMQ that sends its clients astray", () => {
  const { stream, users } = astray;
  const config = { host, port: stream.port, ...users.tester };

  test("fails where it sends them, and nothing is dialled there", async () => {
    const outcome = await tryConnector("rabbitmq", config);
    expect(failure(outcome)).toMatchObject({ endpoint: "169.254.169.254:80", code: "EGRESS_DENIED", field: "host" });
    expect(failure(outcome)?.hint).toContain("load_balancer_mode");
    expect(steps(outcome).slice(-2)).toEqual(["CONNECT NOT_EXECUTED NOT_REACHED", "TLS NOT_EXECUTED NOT_REACHED"]);
  });

  test("is not followed in the mode for load balancers", async () => {
    const outcome = await tryConnector("rabbitmq", { ...config, loadBalancerMode: true });
    expect(outcome.error).toBe(false);
    expect(facts(outcome).advertised_address).toBe("169.254.169.254:80");
  });
});
