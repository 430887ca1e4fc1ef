import type { Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { createDialer } from "../../../src/egress/dialer.ts";
import { createEgressPolicy } from "../../../src/egress/egress-policy.ts";
import { canary } from "../../support/canary.ts";
import { freePort } from "../../support/free-port.ts";
import { blackHole, type LocalServer, sendWithoutEnd, startLocalServer } from "../local-server.ts";
import { failure, runPostgresTest, steps } from "../run-probe.ts";

const user = { username: "tester", password: canary("postgres-hostile"), database: "connectory" };
const servers: LocalServer[] = [];
afterEach(async () => {
  const ended = servers.splice(0);
  const open = ended.map((server) => server.open());
  for (const server of ended) await server.close();
  expect(open).toEqual(ended.map(() => 0));
});

async function serve(behave: (socket: Socket) => void): Promise<LocalServer> {
  const server = await startLocalServer(behave);
  servers.push(server);
  return server;
}

/** Both ends of every socket are gone: the server's view lags by a few milliseconds. */
async function settle(server: LocalServer): Promise<void> {
  await expect.poll(() => server.open()).toBe(0);
}

describe("what is no PostgreSQL server", () => {
  test.each([
    [
      "an HTTP server",
      (socket: Socket) => void socket.once("data", () => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")),
    ],
    ["an SSH server", (socket: Socket) => void socket.write("SSH-2.0-OpenSSH_9.9\r\n")],
  ])("%s is recognised", async (_, behave) => {
    const server = await serve(behave);
    const outcome = await runPostgresTest({ host: "127.0.0.1", port: server.port, ...user });
    expect(failure(outcome)).toMatchObject({ code: "NOT_A_POSTGRES_SERVER", field: "host" });
    await settle(server);
  });

  test.each([
    [3, "TLS_REQUIRED", "tls"],
    [7, "AUTH_METHOD_UNSUPPORTED", "username"],
    [9, "AUTH_METHOD_UNSUPPORTED", "username"],
    [4711, "AUTH_METHOD_UNSUPPORTED", "username"],
  ])("a server that asks for the log-in %i gets no password", async (method, code, field) => {
    const heard: Buffer[] = [];
    const server = await serve((socket) => {
      socket.on("data", (chunk: Buffer) => heard.push(chunk));
      const question = Buffer.alloc(9);
      question.write("R");
      question.writeInt32BE(8, 1);
      question.writeInt32BE(method, 5);
      socket.once("data", () => socket.write(question));
    });
    const outcome = await runPostgresTest({ host: "127.0.0.1", port: server.port, ...user });
    expect(failure(outcome)).toMatchObject({ code, field });
    expect(Buffer.concat(heard).includes(user.password)).toBe(false);
    await settle(server);
  });

  test("a server of another version of the protocol", async () => {
    const text = "SFATAL\0C0A000\0Munsupported frontend protocol 3.0\0\0";
    const error = Buffer.concat([Buffer.from([0x45, 0, 0, 0, 4 + text.length]), Buffer.from(text)]);
    const server = await serve((socket) => void socket.once("data", () => socket.end(error)));
    const outcome = await runPostgresTest({ host: "127.0.0.1", port: server.port, ...user });
    expect(failure(outcome)).toMatchObject({ code: "VERSION_UNSUPPORTED", field: "host" });
    await settle(server);
  });

  test("a server that hangs up", async () => {
    const server = await serve((socket) => socket.destroy());
    const outcome = await runPostgresTest({ host: "127.0.0.1", port: server.port, ...user });
    expect(failure(outcome)?.code).toBe("CONNECTION_CLOSED");
    await settle(server);
  });

  test("a server that sends without end is cut off", async () => {
    const server = await serve((socket) => {
      socket.once("data", () => socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0])));
      // A parameter status of one gigabyte.
      socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x53, 0x40, 0, 0, 0]));
      sendWithoutEnd(socket);
    });
    const outcome = await runPostgresTest({ host: "127.0.0.1", port: server.port, ...user });
    expect(failure(outcome)?.code).toBe("TOO_MUCH_DATA");
    expect(outcome.error).toBe(true);
    await settle(server);
  });

  test("a server that answers once too often", async () => {
    const message = (type: string, body: string) => {
      const head = Buffer.alloc(5);
      head.write(type);
      head.writeInt32BE(4 + body.length, 1);
      return Buffer.concat([head, Buffer.from(body, "latin1")]);
    };
    const welcome = Buffer.concat([message("R", "\0\0\0\0"), message("Z", "I")]);
    const done = message("C", "SELECT 0\0");
    const server = await serve((socket) => {
      socket.once("data", () => {
        socket.write(welcome);
        socket.on("data", () => socket.write(Buffer.concat([done, done, message("Z", "I")])));
      });
    });
    const outcome = await runPostgresTest({ host: "127.0.0.1", port: server.port, ...user }, { deadlineMs: 60_000 });
    expect(outcome.error).toBe(true);
    expect(steps(outcome)).toContain("AUTHORIZE FAILED NOT_A_POSTGRES_SERVER");
    await settle(server);
  });

  test("a closed port", async () => {
    const outcome = await runPostgresTest({ host: "127.0.0.1", port: await freePort(), ...user });
    expect(failure(outcome)).toMatchObject({ code: "CONNECTION_REFUSED", field: "host" });
    expect(steps(outcome).slice(2)).toEqual([
      "CONNECT FAILED CONNECTION_REFUSED",
      "TLS NOT_EXECUTED NOT_REACHED",
      "AUTHENTICATE NOT_EXECUTED NOT_REACHED",
      "AUTHORIZE NOT_EXECUTED NOT_REACHED",
      "CAPABILITY NOT_EXECUTED NOT_REACHED",
    ]);
  });

  test("an unknown name", async () => {
    const outcome = await runPostgresTest({ host: "no-such-host.invalid", ...user });
    expect(failure(outcome)?.code).toMatch(/^NAME_NOT_(FOUND|RESOLVED)$/);
    expect(failure(outcome)?.field).toBe("host");
  });

  test("a target that the server may not dial", async () => {
    const server = await serve(() => {});
    const dialer = createDialer({ policy: createEgressPolicy({ allow: [], deny: [], allowLoopback: false }) });
    const outcome = await runPostgresTest({ host: "localhost", port: server.port, ...user }, { dialer });
    expect(failure(outcome)).toMatchObject({ code: "EGRESS_DENIED", field: "host" });
    expect(failure(outcome)?.hint).toContain("EGRESS_ALLOW");
    expect(server.total()).toBe(0);
  });
});

describe.each([
  ["without TLS", {}],
  ["with TLS", { tls: {} }],
])("a black hole %s", (_, config) => {
  test("ends with the deadline, and the socket with it", async () => {
    const server = await blackHole();
    servers.push(server);
    const options = { deadlineMs: 1500 };
    const outcome = await runPostgresTest({ host: "127.0.0.1", port: server.port, ...user, ...config }, options);
    expect(failure(outcome)?.code).toBe("TIMED_OUT");
    await settle(server);
  });

  test("ends with the caller, and the socket with it", async () => {
    const server = await blackHole();
    servers.push(server);
    const caller = new AbortController();
    const options = { signal: caller.signal };
    const running = runPostgresTest({ host: "127.0.0.1", port: server.port, ...user, ...config }, options);
    const ended = expect(running).rejects.toThrow("gone");
    await expect.poll(() => server.open()).toBe(1);
    caller.abort(new Error("gone"));
    await ended;
    await settle(server);
  });
});
