import { afterAll, afterEach, describe, expect, test } from "vitest";
import { pem } from "../local-server.ts";
import { failure, runKafkaTest, steps } from "../run-connector-test.ts";
import { credentials, startSecuredKafka } from "./start-secured-kafka.ts";

const kafka = await startSecuredKafka();
/** What this process has open and running: nothing of a test may stay behind. */
const resources = () =>
  process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap" || name === "Timeout").length;
const before = resources();
afterEach(() => expect.poll(resources, { timeout: 1000 }).toBeLessThanOrEqual(before));
afterAll(() => kafka?.stop());

const tls = { ca: pem("authority") };
const inClear = (mechanism: string, password = credentials.password) => ({
  protocol: "SASL_PLAINTEXT",
  mechanism,
  username: credentials.username,
  password,
});

describe.skipIf(kafka === undefined)("a real Kafka", () => {
  const { plain, tls: secured, sasl, saslTls, misadvertised, unreachable } = kafka ?? absent;

  test("in clear is asked what it is, at its bootstrap server and where it sends its clients", async () => {
    const outcome = await runKafkaTest({ bootstrapServers: plain });
    expect(outcome).toMatchObject({ error: false, message: `Kafka answered at ${plain}` });
    expect(steps(outcome)).toEqual([
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS SKIPPED NOT_CONFIGURED",
      "AUTHENTICATE PASSED OK",
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS SKIPPED NOT_CONFIGURED",
      "CAPABILITY PASSED OK",
      "CAPABILITY PASSED OK",
    ]);
    const facts = Object.fromEntries(outcome.report.facts.map(({ name, value }) => [name, value]));
    expect(facts).toMatchObject({ brokers: "1", controller: "1", topics: "0" });
  });

  test("in TLS with its authority", async () => {
    const outcome = await runKafkaTest({ bootstrapServers: secured, tls });
    expect(outcome.error).toBe(false);
    expect(outcome.report.facts).toContainEqual(expect.objectContaining({ name: "tls_version", value: "TLSv1.3" }));
  });

  test("in TLS without its authority", async () => {
    const outcome = await runKafkaTest({ bootstrapServers: secured, tls: {} });
    expect(failure(outcome)).toMatchObject({ code: "TLS_UNTRUSTED", field: "tls.ca" });
  });

  test("in clear on a TLS port, and in TLS on a port in clear", async () => {
    const clear = await runKafkaTest({ bootstrapServers: secured });
    expect(failure(clear)?.code).toMatch(/^(NOT_A_KAFKA_BROKER|CONNECTION_CLOSED)$/);
    const encrypted = await runKafkaTest({ bootstrapServers: plain, tls });
    expect(failure(encrypted)?.code).toMatch(/^TLS_(CLOSED|NOT_SPOKEN)$/);
  });

  test.each(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])("logs in with %s", async (mechanism) => {
    const outcome = await runKafkaTest({ bootstrapServers: sasl, sasl: inClear(mechanism) });
    expect(outcome).toMatchObject({ error: false });
    expect(steps(outcome)).toContain(
      mechanism === "PLAIN" ? "AUTHENTICATE WARNING PASSWORD_IN_CLEAR" : "AUTHENTICATE PASSED OK",
    );
  });

  test("logs in in TLS, which SASL_SSL turns on", async () => {
    const login = { ...inClear("PLAIN"), protocol: "SASL_SSL" };
    expect(await runKafkaTest({ bootstrapServers: saslTls, sasl: login, tls })).toMatchObject({ error: false });
    const untrusted = await runKafkaTest({ bootstrapServers: saslTls, sasl: login });
    expect(failure(untrusted)?.code).toBe("TLS_UNTRUSTED");
  });

  test.each(["PLAIN", "SCRAM-SHA-256"])("refuses a wrong password with %s", async (mechanism) => {
    const outcome = await runKafkaTest({ bootstrapServers: sasl, sasl: inClear(mechanism, "wrong-horse") });
    expect(failure(outcome)).toMatchObject({ code: "PASSWORD_WRONG", field: "sasl.password" });
    expect(JSON.stringify(outcome, (_, value) => (typeof value === "bigint" ? `${value}` : value))).not.toContain(
      "horse",
    );
  });

  test("refuses a mechanism that it does not have", async () => {
    const login = { ...inClear("SCRAM-SHA-256"), protocol: "SASL_SSL" };
    const outcome = await runKafkaTest({ bootstrapServers: saslTls, sasl: login, tls });
    expect(failure(outcome)).toMatchObject({ code: "MECHANISM_UNKNOWN", field: "sasl.mechanism" });
  });

  test("says so when it wants no log-in, or wants one", async () => {
    const needless = await runKafkaTest({ bootstrapServers: plain, sasl: inClear("PLAIN") });
    expect(failure(needless)).toMatchObject({ code: "LOGIN_NOT_EXPECTED", field: "sasl" });
    const missing = await runKafkaTest({ bootstrapServers: sasl });
    expect(failure(missing)?.code).toBe("CONNECTION_CLOSED");
    expect(failure(missing)?.hint).toContain("log-in");
  });

  test("that sends its clients astray fails there", async () => {
    const outcome = await runKafkaTest({ bootstrapServers: misadvertised });
    expect(outcome.error).toBe(true);
    expect(failure(outcome)).toMatchObject({ endpoint: unreachable, code: "CONNECTION_REFUSED" });
    expect(failure(outcome)?.hint).toContain("advertised.listeners");
  });

  test("with one of two bootstrap servers down works and warns", async () => {
    const outcome = await runKafkaTest({ bootstrapServers: `${unreachable}, ${plain}` });
    expect(outcome.error).toBe(false);
    expect(steps(outcome)).toContain("CONNECT WARNING CONNECTION_REFUSED");
  });
});

const absent = { plain: "", tls: "", sasl: "", saslTls: "", misadvertised: "", unreachable: "" };
