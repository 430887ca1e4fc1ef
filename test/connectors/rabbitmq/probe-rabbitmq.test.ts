import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { RabbitmqConfigSchema } from "../../../gen/connectory/v1/rabbitmq_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { rabbitmq } from "../../../src/connectors/rabbitmq/rabbitmq.ts";
import type { Dialer } from "../../../src/egress/dialer.ts";
import { canary } from "../../support/canary.ts";
import { freePort } from "../../support/free-port.ts";
import { type LocalServer, localDialer, sendWithoutEnd } from "../local-server.ts";
import { failure, steps, tryConnector } from "../run-probe.ts";
import { codesOfBrokenAnswers, keepServers, testSilence } from "../scripted-broker.ts";
import {
  answer,
  frame,
  goodBroker,
  goodbye,
  heartbeat,
  loggedIn,
  mechanisms,
  opened,
  type Script,
  startFakeBroker,
  tune,
  welcome,
} from "./fake-broker.ts";

const password = canary("stream-passwörd");
const servers = keepServers();
const { serve } = servers;
const fake = (script: Script) => servers.keep(startFakeBroker(script));

const tryAt = ({ port }: LocalServer, init = {}, options = {}) =>
  tryConnector("rabbitmq", { host: "127.0.0.1", port, username: "ann", password, ...init }, options);
const stageOf = (outcome: Awaited<ReturnType<typeof tryAt>>) => TestStage[failure(outcome)?.stage ?? 0];
const scripted = { start: startFakeBroker, goodBroker, tryAt };
const facts = ({ report }: Awaited<ReturnType<typeof tryAt>>) =>
  Object.fromEntries(report.facts.map(({ name, value }) => [name, value]));

test("a configuration is described with what it leaves out, and without the password", () => {
  const config = (init = {}) => create(RabbitmqConfigSchema, { password, ...init });
  expect(rabbitmq.describe(config())).toBe("guest@localhost:5552/");
  expect(rabbitmq.endpoints(config())).toEqual([{ host: "localhost", port: 5552 }]);
  expect(rabbitmq.endpoints(config({ tls: {} }))).toEqual([{ host: "localhost", port: 5551 }]);
  const full = config({ host: "2001:db8::1", port: 1234, username: "ann", virtualHost: "shop" });
  expect(rabbitmq.describe(full)).toBe("ann@[2001:db8::1]:1234/shop");
  expect(rabbitmq.validate?.(config({ tls: { ca: "no" } }))).toMatchObject([{ field: "tls.ca" }]);
});

describe("a broker", () => {
  test("is logged in to, and asked for the metadata of nothing", async () => {
    const broker = await fake(goodBroker);
    const outcome = await tryAt(broker, { virtualHost: "käse" });
    expect(steps(outcome)).toEqual([
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS SKIPPED NOT_CONFIGURED",
      "AUTHENTICATE WARNING PASSWORD_IN_CLEAR",
      "AUTHORIZE PASSED OK",
      "CAPABILITY PASSED OK",
    ]);
    expect(broker.said).toEqual(["properties", "mechanisms", "log-in", "tune", "open", "metadata", "close"]);
    expect(facts(outcome)).toEqual({ product: "Fake", server_version: "1.2.3" });
    const received = broker.received();
    const login = Buffer.from(`\0ann\0${password}`);
    expect(
      received.includes(Buffer.concat([Buffer.from(`\0\x05PLAIN\0\0\0${String.fromCharCode(login.length)}`), login])),
    ).toBe(true);
    expect(received.includes(Buffer.from("\0\x05käse"))).toBe(true);
    // Frames of 64 KiB, no heartbeats; no stream is asked for.
    expect(received.includes(frame("0014 0001 00010000 00000000"))).toBe(true);
    expect(received.includes(frame("000f 0001 00000005 00000000"))).toBe(true);
    expect(broker.total()).toBe(1);
  });

  test("may send heartbeats in between, and its bytes one by one", async () => {
    const dribble = (bytes: Buffer) => [...bytes].map((byte) => Buffer.from([byte]));
    const script = { ...goodBroker, "log-in": [heartbeat, ...dribble(loggedIn), heartbeat, ...dribble(tune)] };
    expect(await tryAt(await fake(script))).toMatchObject({ error: false });
  });

  test.each<[string, Script, string, string, string]>([
    ["has no PLAIN", { mechanisms: mechanisms("EXTERNAL") }, "AUTHENTICATE", "MECHANISM_UNKNOWN", "username"],
    ["takes PLAIN back", { "log-in": answer("8013", 3, 7) }, "AUTHENTICATE", "MECHANISM_UNKNOWN", "username"],
    ["refuses the password", { "log-in": answer("8013", 3, 8) }, "AUTHENTICATE", "PASSWORD_WRONG", "password"],
    ["fails in SASL", { "log-in": answer("8013", 3, 9) }, "AUTHENTICATE", "LOGIN_FAILED", "username"],
    ["wants to know more", { "log-in": answer("8013", 3, 10, "00000000") }, "AUTHENTICATE", "LOGIN_FAILED", "username"],
    [
      "lets the user in from its own machine",
      { "log-in": answer("8013", 3, 11) },
      "AUTHENTICATE",
      "LOGIN_REFUSED",
      "username",
    ],
    ["says good-bye in the log-in", { "log-in": goodbye(16) }, "AUTHENTICATE", "PERMISSION_DENIED", "username"],
    ["hangs up on the log-in", { "log-in": "hang up" }, "AUTHENTICATE", "CONNECTION_CLOSED", "host"],
    ["refuses the virtual host", { open: answer("8015", 4, 12) }, "AUTHORIZE", "PERMISSION_DENIED", "virtual_host"],
    ["says good-bye instead of opening", { open: goodbye(12) }, "AUTHORIZE", "PERMISSION_DENIED", "virtual_host"],
    ["hangs up instead of opening", { open: "hang up" }, "AUTHORIZE", "CONNECTION_CLOSED", "host"],
    ["has an inner error", { open: answer("8015", 4, 15) }, "AUTHORIZE", "FAILED", "virtual_host"],
    ["hangs up on the metadata", { metadata: "hang up" }, "CAPABILITY", "CONNECTION_CLOSED", "host"],
  ])("that %s", async (_, difference, stage, code, field) => {
    const outcome = await tryAt(await fake({ ...goodBroker, ...difference }));
    expect(failure(outcome)).toMatchObject({ code, field });
    expect(stageOf(outcome)).toBe(stage);
    expect(outcome.message).not.toContain("0123");
  });

  test("that refuses an empty password is not given another one", async () => {
    const broker = await fake({ ...goodBroker, "log-in": answer("8013", 3, 8) });
    const outcome = await tryAt(broker, { username: "", password: "" });
    expect(failure(outcome)).toMatchObject({ code: "PASSWORD_MISSING", field: "password" });
    expect(broker.received().includes(Buffer.from("\0\0\0\x07\0guest\0"))).toBe(true);
  });
});

describe("a broker that announces an address", () => {
  const announcing = (host: string, port: string) =>
    fake({ ...goodBroker, open: opened({ advertised_host: host, advertised_port: port }) });

  test("has its clients sent there: it is reached too", async () => {
    const other = await serve((socket) => socket.resume());
    const outcome = await tryAt(await announcing("localhost", `${other.port}`));
    expect(steps(outcome).slice(-4)).toEqual([
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS SKIPPED NOT_CONFIGURED",
    ]);
    expect(facts(outcome).advertised_address).toBe(`localhost:${other.port}`);
    expect(other.total()).toBe(1);
  });

  test("and nothing listens there", async () => {
    const port = await freePort();
    const broker = await announcing("127.0.0.1", `${port}`);
    const outcome = await tryAt(broker);
    expect(failure(outcome)).toMatchObject({
      endpoint: `127.0.0.1:${port}`,
      code: "CONNECTION_REFUSED",
      field: "host",
      hint: expect.stringContaining("stream.advertised_host"),
    });
    const balanced = await tryAt(broker, { loadBalancerMode: true });
    expect(balanced.error).toBe(false);
    expect(facts(balanced).advertised_address).toBe(`127.0.0.1:${port}`);
  });

  test.each(["169.254.169.254", "::ffff:169.254.169.254", "0.0.0.0"])("%s is denied and not dialled", async (host) => {
    const dialled: string[] = [];
    const dialer: Dialer = {
      ...localDialer,
      open: (target, signal) => {
        dialled.push(...target.addresses);
        return localDialer.open(target, signal);
      },
    };
    const outcome = await tryAt(await announcing(host, "80"), {}, { dialer });
    expect(failure(outcome)).toMatchObject({ code: "EGRESS_DENIED", field: "host" });
    expect(stageOf(outcome)).toBe("EGRESS");
    expect(dialled).toEqual(["127.0.0.1"]);
  });

  test("that is its own is not dialled again", async () => {
    const script: Script = { ...goodBroker };
    const broker = await fake(script);
    script.open = opened({ advertised_host: "LOCALHOST", advertised_port: `${broker.port}` });
    const outcome = await tryAt(broker, { host: "localhost" });
    expect(outcome.error).toBe(false);
    expect(broker.total()).toBe(1);
  });

  test.each([
    ["", "5552"],
    ["mq.example", ""],
    ["mq.example", "0"],
    ["mq.example", "65536"],
    ["mq.example", "5552.5"],
    ["mq.example/../", "5552"],
    ["a".repeat(254), "5552"],
  ])("%j %j that is none", async (host, port) => {
    const outcome = await tryAt(await announcing(host, port));
    expect(failure(outcome)).toMatchObject({ code: "ADVERTISED_ADDRESS_INVALID", field: "host" });
  });
});

describe("what is no stream listener", () => {
  const huge = Buffer.from("400000008011000100000001", "hex");
  const bomb = frame("8011 0001 00000001 0001 ffffffff 0000 0000");
  test.each<[string, Script]>([
    ["hangs up at once", { properties: "hang up" }],
    ["is an AMQP broker", { properties: [Buffer.from("AMQP\0\0\x09\x01", "latin1"), "hang up"] }],
    ["is an HTTP server", { properties: "HTTP/1.1 400 Bad Request\r\n\r\n" }],
    ["answers with a TLS alert", { properties: [Buffer.from("15030300020246", "hex"), "hang up"] }],
    ["begins with a gigabyte", { properties: huge }],
    ["begins with another version", { properties: frame("8011 0002 00000001 0001 00000000") }],
    ["begins with a heartbeat", { properties: heartbeat }],
    ["announces four billion properties", { properties: bomb }],
    ["answers another question", { properties: answer("8011", 9, 1, "00000000") }],
    ["cuts its answer short", { properties: frame("8011 0001 0000") }],
    ["goes on with a gigabyte", { mechanisms: huge }],
    ["goes on with a message", { mechanisms: frame("0008 0001 00") }],
    ["does not tune", { "log-in": [loggedIn, loggedIn] }],
    ["knows streams that were not asked for", { metadata: frame("800f 0001 00000005 00000000 00000001") }],
  ])("such as one that %s", async (_, difference) => {
    const outcome = await tryAt(await fake({ ...goodBroker, ...difference }));
    expect(failure(outcome)).toMatchObject({ code: "NOT_A_RABBITMQ_STREAM", field: "host" });
    expect(failure(outcome)?.hint).toContain("5672");
  });

  test("one that sends heartbeats without end", async () => {
    const beats = Buffer.alloc(1 << 20, heartbeat);
    const server = await serve((socket) => {
      socket.once("data", () => {
        socket.write(welcome({}));
        sendWithoutEnd(socket, beats);
      });
    });
    expect(failure(await tryAt(server))?.code).toBe("NOT_A_RABBITMQ_STREAM");
  });

  test("whatever it sends: the test ends, and nothing crashes", async () => {
    const codes = await codesOfBrokenAnswers(scripted);
    expect(codes).toContain("NOT_A_RABBITMQ_STREAM");
    expect(codes).not.toContain("TIMED_OUT");
  });
});

describe("a broker that says nothing", () => {
  testSilence<Script>(scripted, servers, {
    "at all": [{}, "AUTHENTICATE"],
    "after the log-in": [{ ...goodBroker, "log-in": loggedIn }, "AUTHENTICATE"],
    "about the virtual host": [{ ...goodBroker, open: [] }, "AUTHORIZE"],
    "to the good-bye": [{ ...goodBroker, close: [] }, "CAPABILITY"],
  });
});
