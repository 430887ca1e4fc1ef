import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import type { TestOutcome } from "../../../src/test-workers/probe/run-probe.ts";
import { endedByDeadline } from "../../support/ended-by-deadline.ts";
import { freePort } from "../../support/free-port.ts";
import { blackHole, type LocalServer, startLocalServer } from "../local-server.ts";
import { failure, runKafkaTest, steps } from "../run-probe.ts";
import { fakeBroker, int16, int32 } from "./fake-broker.ts";

const servers: LocalServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(behave?: (socket: Socket) => void): Promise<LocalServer> {
  const server = behave === undefined ? await blackHole() : await startLocalServer(behave);
  servers.push(server);
  return server;
}

async function settle(server: LocalServer): Promise<void> {
  await expect.poll(() => server.open()).toBe(0);
}

/** What keeps this process busy: kafkajs has timers that live on when its client is not ended. */
const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

const sasl = { protocol: "SASL_PLAINTEXT", mechanism: "SCRAM-SHA-256", username: "u", password: "p" };

describe.each([
  ["in clear", {}],
  ["with TLS", { tls: {} }],
  ["with a log-in", { sasl }],
])("a black hole %s", (_, config) => {
  test("ends with the deadline, and sockets and timers with it", async () => {
    const server = await serve();
    const before = timers();
    const outcome = await runKafkaTest({ bootstrapServers: server.endpoint, ...config }, { deadlineMs: 1500 });
    expect(failure(outcome)?.code).toBe("TIMED_OUT");
    await settle(server);
    await expect.poll(() => timers()).toBeLessThanOrEqual(before);
  });

  test("ends with the caller, and sockets with it", async () => {
    const server = await serve();
    const caller = new AbortController();
    const running = runKafkaTest({ bootstrapServers: server.endpoint, ...config }, { signal: caller.signal });
    const ended = running.catch((error: unknown) => error);
    await expect.poll(() => server.open()).toBe(1);
    caller.abort(new Error("gone"));
    expect(await ended).toMatchObject({ message: "gone" });
    await settle(server);
  });
});

describe("what is no Kafka broker", () => {
  test.each([
    [
      "an HTTP server",
      (socket: Socket) => void socket.once("data", () => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")),
    ],
    ["an SSH server", (socket: Socket) => void socket.write("SSH-2.0-OpenSSH_9.9\r\n")],
    [
      "one that sends byte by byte",
      async (socket: Socket) => {
        for (const byte of "SSH-2.0") {
          if (socket.destroyed) return;
          socket.write(byte);
          await sleep(5);
        }
      },
    ],
    [
      "a TLS server",
      (socket: Socket) => void socket.once("data", () => socket.write(Buffer.from([0x15, 3, 3, 0, 2, 2, 10]))),
    ],
  ])("%s is recognised", async (_, behave) => {
    const server = await serve(behave);
    const outcome = await runKafkaTest({ bootstrapServers: server.endpoint });
    expect(failure(outcome)).toMatchObject({ code: "NOT_A_KAFKA_BROKER", field: "bootstrap_servers" });
    expect(steps(outcome).at(-1)).toBe("CAPABILITY NOT_EXECUTED NOT_REACHED");
    await settle(server);
  });

  test("a server that hangs up", async () => {
    const server = await serve((socket) => socket.destroy());
    const outcome = await runKafkaTest({ bootstrapServers: server.endpoint });
    expect(failure(outcome)?.code).toBe("CONNECTION_CLOSED");
  });

  test("closed ports: all of them are tried and reported", async () => {
    const [one, two] = [await freePort(), await freePort()];
    const outcome = await runKafkaTest({ bootstrapServers: `127.0.0.1:${one},127.0.0.1:${two}` });
    expect(outcome.error).toBe(true);
    const refused = outcome.report.steps.filter(({ code }) => code === "CONNECTION_REFUSED");
    expect(refused.map(({ endpoint }) => endpoint).sort()).toEqual([`127.0.0.1:${one}`, `127.0.0.1:${two}`].sort());
  });

  test("no more than 16 addresses of a long list are dialled", async () => {
    const server = await serve();
    const list = Array.from({ length: 40 }, (_, index) => `127.0.0.${index + 1}:${server.port}`).join(",");
    const dialled = ({ report }: TestOutcome) =>
      new Set(report.steps.map(({ endpoint }) => endpoint).filter((name) => name !== "")).size;
    const run = (deadlineMs: number) => runKafkaTest({ bootstrapServers: list }, { deadlineMs });
    expect(dialled(await endedByDeadline(run, (outcome) => dialled(outcome) >= 16))).toBe(16);
  });
});

describe("a broker that means harm", () => {
  test("does not choose how long the report is, or what is in it", async () => {
    const host = `\u001b[2J${"x".repeat(5000)}`;
    const server = await serve((socket) => fakeBroker(socket, { advertise: [{ host, port: 1 }] }));
    const outcome = await runKafkaTest({ bootstrapServers: server.endpoint });
    const endpoints = outcome.report.steps.map(({ endpoint }) => endpoint);
    expect(failure(outcome)).toMatchObject({ code: "ADDRESS_INVALID", field: "bootstrap_servers" });
    for (const text of [...endpoints, outcome.message]) expect(text).not.toMatch(/\p{C}/u);
    for (const endpoint of endpoints) expect(endpoint.length).toBeLessThanOrEqual(200);
    expect(outcome.message.length).toBeLessThan(1000);
    await settle(server);
  });

  test.each([
    ["more brokers than it sends", int32(2_147_483_647), "NOT_A_KAFKA_BROKER"],
    ["fewer brokers than none", int32(-5), "NOT_A_KAFKA_BROKER"],
    ["more topics than it sends", Buffer.concat([int32(0), int32(1), int32(2_147_483_647)]), "NOT_A_KAFKA_BROKER"],
    ["a longer name than it sends", Buffer.concat([int32(1), int32(1), int16(32_000)]), "NOT_A_KAFKA_BROKER"],
    ["nothing", Buffer.alloc(0), "NOT_A_KAFKA_BROKER"],
    ["no brokers", Buffer.concat([int32(0), int32(1), int32(0)]), "NO_BROKERS"],
  ])("may say that there are %s", async (_, garbage, code) => {
    const server = await serve((socket) => fakeBroker(socket, { garbage }));
    const outcome = await runKafkaTest({ bootstrapServers: server.endpoint });
    expect(failure(outcome)).toMatchObject({ code, field: "bootstrap_servers" });
    await settle(server);
  });

  test("may not keep this process busy with SCRAM iterations", async () => {
    const server = await serve((socket) => fakeBroker(socket, { iterations: 2_000_000_000 }));
    const outcome = await runKafkaTest({ bootstrapServers: server.endpoint, sasl });
    expect(failure(outcome)).toMatchObject({ code: "LOGIN_FAILED", field: "sasl.mechanism" });
    await settle(server);
  });
});
