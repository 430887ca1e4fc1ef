import { readFileSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { AmqpConfigSchema } from "../../../gen/connectory/v1/amqp_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { amqp } from "../../../src/connectors/amqp/amqp.ts";
import { canary } from "../../support/canary.ts";
import { type LocalServer, sendWithoutEnd } from "../local-server.ts";
import { failure, steps, tryConnector } from "../run-probe.ts";
import { codesOfBrokenAnswers, keepServers, testSilence } from "../scripted-broker.ts";
import {
  channelClose,
  close,
  frame,
  goodBroker,
  heartbeat,
  openOk,
  type Script,
  secure,
  start,
  startFakeBroker,
  tune,
} from "./fake-broker.ts";

const password = canary("amqp-password");
const servers = keepServers();
const { serve } = servers;
const fake = (script: Script) => servers.keep(startFakeBroker(script));

const tryAt = ({ port }: LocalServer, init = {}, options = {}) =>
  tryConnector("amqp", { host: "127.0.0.1", port, username: "ann", password, ...init }, options);
const stageOf = (outcome: Awaited<ReturnType<typeof tryAt>>) => TestStage[failure(outcome)?.stage ?? 0];

const scripted = { start: startFakeBroker, goodBroker, tryAt };

describe("a configuration", () => {
  const config = (init = {}) => create(AmqpConfigSchema, { host: "mq.example", password, ...init });

  test("is described with what it leaves out, and without the password", () => {
    expect(amqp.describe(config())).toBe("guest@mq.example:5672/");
    expect(amqp.describe(config({ tls: {} }))).toBe("guest@mq.example:5671/");
    expect(amqp.describe(config({ port: 1234, username: "ann", virtualHost: "shop", tls: {} }))).toBe(
      "ann@mq.example:1234/shop",
    );
    expect(amqp.describe(config({ host: "2001:db8::1" }))).toBe("guest@[2001:db8::1]:5672/");
    expect(amqp.endpoints(config({ tls: {} }))).toEqual([{ host: "mq.example", port: 5671 }]);
  });

  test("may have a virtual host of 255 bytes", () => {
    expect(amqp.validate?.(config({ virtualHost: "a".repeat(255) }))).toEqual([]);
    expect(amqp.validate?.(config({ virtualHost: "ä".repeat(128) }))).toMatchObject([{ field: "virtual_host" }]);
    expect(amqp.validate?.(config({ tls: { ca: "no" } }))).toMatchObject([{ field: "tls.ca" }]);
  });
});

describe("a broker", () => {
  test("is logged in to, and asked for a channel and nothing else", async () => {
    const broker = await fake(goodBroker);
    const outcome = await tryAt(broker, { virtualHost: "shop" });
    expect(steps(outcome)).toEqual([
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS SKIPPED NOT_CONFIGURED",
      "AUTHENTICATE WARNING PASSWORD_IN_CLEAR",
      "AUTHORIZE PASSED OK",
      "CAPABILITY PASSED OK",
    ]);
    expect(broker.said).toEqual(["header", "start-ok", "tune-ok", "open", "channel.open", "channel.close", "close"]);
    const received = broker.received().toString("latin1");
    expect(received).toContain(`PLAIN\0\0\0${String.fromCharCode(password.length + 5)}\0ann\0${password}`);
    // tune-ok: one channel, frames of 128 KiB, no heartbeats.
    expect(received).toContain("\0\x0a\0\x1f\0\x01\0\x02\0\0\0\0");
    expect(received).toContain("\x04shop");
    expect(broker.total()).toBe(1);
  });

  test("may say of itself what it likes", async () => {
    const nested = Buffer.from([0x46, 0, 0, 0, 0]);
    const properties = { product: "Evil\nBroker", version: "9".repeat(500), platform: nested, __proto__x: "x" };
    const outcome = await tryAt(await fake({ ...goodBroker, header: start("PLAIN", properties) }));
    expect(outcome.report.facts.map(({ name, value }) => [name, value])).toEqual([
      ["product", "Evil Broker"],
      ["server_version", "9".repeat(200)],
    ]);
  });

  const words = "0123 from the broker itself";
  test.each<[string, Script, string, string, string]>([
    ["refuses the log-in", { "start-ok": close(403, words) }, "AUTHENTICATE", "PASSWORD_WRONG", "password"],
    [
      "ends the log-in for another reason",
      { "start-ok": close(320, words) },
      "AUTHENTICATE",
      "CONNECTION_CLOSED",
      "password",
    ],
    ["hangs up on the log-in", { "start-ok": "hang up" }, "AUTHENTICATE", "CONNECTION_CLOSED", "password"],
    ["has no PLAIN", { header: start("AMQPLAIN EXTERNAL") }, "AUTHENTICATE", "MECHANISM_UNKNOWN", "username"],
    ["refuses the virtual host", { open: close(530, words) }, "AUTHORIZE", "PERMISSION_DENIED", "virtual_host"],
    ["refuses it as LavinMQ does", { open: close(403, words) }, "AUTHORIZE", "PERMISSION_DENIED", "virtual_host"],
    [
      "has no such virtual host",
      { open: close(530, "NOT_ALLOWED - vhost x not found") },
      "AUTHORIZE",
      "VIRTUAL_HOST_UNKNOWN",
      "virtual_host",
    ],
    [
      "has a virtual host that is down",
      { open: close(541, "INTERNAL_ERROR - access to vhost 'x' refused for user 'ann': vhost 'x' is down") },
      "AUTHORIZE",
      "VIRTUAL_HOST_DOWN",
      "virtual_host",
    ],
    [
      "has no connection left for the virtual host",
      { open: close(530, "NOT_ALLOWED - access to vhost 'x' refused for user 'ann': connection limit (5) is reached") },
      "AUTHORIZE",
      "TOO_MANY_CONNECTIONS",
      "virtual_host",
    ],
    [
      "has no connection left for the user",
      { open: close(530, "NOT_ALLOWED - connection refused for user 'ann': user connection limit (5) is reached") },
      "AUTHORIZE",
      "TOO_MANY_CONNECTIONS",
      "username",
    ],
    ["hangs up on the virtual host", { open: "hang up" }, "AUTHORIZE", "CONNECTION_CLOSED", "virtual_host"],
    [
      "stops while a channel is opened",
      { "channel.open": close(320, words) },
      "CAPABILITY",
      "CONNECTION_CLOSED",
      "virtual_host",
    ],
    [
      "hangs up while a channel is opened",
      { "channel.open": "hang up" },
      "CAPABILITY",
      "CONNECTION_CLOSED",
      "virtual_host",
    ],
    ["refuses a channel", { "channel.open": close(530, words) }, "CAPABILITY", "PERMISSION_DENIED", "username"],
    [
      "closes the channel",
      { "channel.open": channelClose(504, words) },
      "CAPABILITY",
      "CONNECTION_CLOSED",
      "virtual_host",
    ],
  ])("that %s", async (_, difference, stage, code, field) => {
    const broker = await fake({ ...goodBroker, ...difference });
    const outcome = await tryAt(broker);
    expect(failure(outcome)).toMatchObject({ code, field });
    expect(stageOf(outcome)).toBe(stage);
    expect(JSON.stringify(outcome.report.steps.map(({ hint }) => hint))).not.toMatch(/0123|'ann'/);
    expect(outcome.message).not.toContain(words);
  });

  test("that refuses an empty password is not given another one", async () => {
    const broker = await fake({ ...goodBroker, "start-ok": close(403, "ACCESS_REFUSED") });
    const outcome = await tryAt(broker, { username: "", password: "" });
    expect(failure(outcome)).toMatchObject({ code: "PASSWORD_MISSING", field: "password" });
    expect(broker.received().toString("latin1")).toContain("\0\0\0\x07\0guest\0");
  });

  test("that lets guest in from its own machine only", async () => {
    const broker = await fake({ ...goodBroker, "start-ok": close(403, "ACCESS_REFUSED") });
    expect(failure(await tryAt(broker, { username: "guest" }))?.hint).toContain("from its own machine");
  });
});

describe("what is no AMQP broker", () => {
  const huge = Buffer.from([1, 0, 0, 0x40, 0, 0, 0]);
  const noEnd = Buffer.concat([start().subarray(0, -1), Buffer.from([0])]);
  const unknown = frame(1, 0, Buffer.from([0, 99, 0, 99]));
  const cut = frame(1, 0, Buffer.from([0, 10]));
  test.each<[string, Script]>([
    ["hangs up at once", { header: "hang up" }],
    ["is an HTTP server", { header: "HTTP/1.1 400 Bad Request\r\n\r\n" }],
    ["answers with a TLS alert", { header: Buffer.from([0x15, 3, 3, 0, 2, 2, 0x46]) }],
    ["begins with a gigabyte", { header: huge }],
    ["begins with a frame without its end", { header: noEnd }],
    ["begins with an unknown method", { header: unknown }],
    ["begins with half of a method", { header: cut }],
    ["begins with a heartbeat", { header: heartbeat }],
    ["begins with the end", { header: openOk }],
    ["goes on with a gigabyte", { "start-ok": huge }],
    ["goes on with the beginning", { "start-ok": start() }],
    ["goes on with another round", { "start-ok": secure }],
    ["opens a virtual host with garbage", { open: unknown }],
    ["answers a channel with garbage", { "channel.open": unknown }],
    ["answers a channel on another one", { "channel.open": frame(1, 7, Buffer.from([0, 20, 0, 11, 0, 0, 0, 0])) }],
    ["sends garbage right behind its welcome", { open: Buffer.concat([openOk, unknown]) }],
  ])("such as one that %s", async (_, difference) => {
    const outcome = await tryAt(await fake({ ...goodBroker, ...difference }));
    expect(failure(outcome)).toMatchObject({ code: "NOT_AN_AMQP_BROKER", field: "host" });
    expect(failure(outcome)?.hint).toContain("5552");
  });

  test("such as one that speaks AMQP 1.0, and hangs up or waits", async () => {
    for (const header of [["AMQP\0\x01\0\0", "hang up"], ["AMQP\0\x01\0\0"]]) {
      const outcome = await tryAt(await fake({ ...goodBroker, header }));
      expect(failure(outcome)).toMatchObject({ code: "VERSION_UNSUPPORTED", field: "host" });
    }
  });

  test("an SSH server", async () => {
    const server = await serve((socket) => void socket.write("SSH-2.0-OpenSSH_9.9\r\n"));
    expect(failure(await tryAt(server))).toMatchObject({ code: "NOT_AN_AMQP_BROKER", field: "host" });
  });

  test("one that sends without end is cut off", async () => {
    const beats = Buffer.alloc(1 << 20, heartbeat);
    const server = await serve((socket) => {
      let answered = 0;
      const answers = [start(), tune, openOk];
      socket.on("data", () => {
        const next = answers[answered++];
        if (next !== undefined) return void socket.write(next);
        sendWithoutEnd(socket, beats);
      });
    });
    expect(failure(await tryAt(server))?.code).toBe("TOO_MUCH_DATA");
  });

  test("whatever it sends: the test ends, and nothing crashes", async () => {
    const codes = await codesOfBrokenAnswers(scripted);
    expect(codes).not.toContain("FAILED");
    expect(codes).toContain("NOT_AN_AMQP_BROKER");
  });
});

describe("a broker that says nothing", () => {
  testSilence<Script>(scripted, servers, {
    "at all": [{}, "AUTHENTICATE"],
    "to the log-in": [{ header: start() }, "AUTHENTICATE"],
    "to a channel": [{ ...goodBroker, "channel.open": [] }, "CAPABILITY"],
    "to the good-bye": [{ ...goodBroker, close: [] }, "CAPABILITY"],
  });
});

test("amqplib is pinned, because two of its classes are taken by path", () => {
  const { dependencies } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));
  expect(dependencies.amqplib).toMatch(/^\d+\.\d+\.\d+$/);
});
