import type { Socket } from "node:net";
import { createUser } from "@nats-io/nkeys";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { canary } from "../../support/canary.ts";
import { freePort } from "../../support/free-port.ts";
import { blackHole, type LocalServer, pem, secure, startLocalServer } from "../local-server.ts";
import { discoverWith, endedIn, failure, steps, tryConnector } from "../run-probe.ts";
import { fakeNats, greeting } from "./fake-nats.ts";

const servers: LocalServer[] = [];
const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
let before = 0;
// Counted in the same way as after the test: vitest has timers of its own.
beforeEach(() => expect.poll(() => (before = timers())).toBeGreaterThanOrEqual(0));
afterEach(async () => {
  const ended = servers.splice(0);
  for (const server of ended) await expect.poll(() => server.open()).toBe(0);
  for (const server of ended) await server.close();
  await expect.poll(timers).toBeLessThanOrEqual(before);
});

async function serve(behave?: (socket: Socket) => void): Promise<LocalServer> {
  const server = behave === undefined ? await blackHole() : await startLocalServer(behave);
  servers.push(server);
  return server;
}

const secret = canary("nats-fake");
const password = { authentication: { case: "password" as const, value: { username: "u", password: secret } } };
const at = ({ port }: LocalServer) => ({ servers: `localhost:${port}` });
const tls = { tls: { ca: pem("authority") } };
const factsOf = ({ report }: Awaited<ReturnType<typeof tryConnector>>) =>
  Object.fromEntries(report.facts.map(({ name, value }) => [name, value]));

function jwt(expires: number) {
  const key = createUser();
  const claims = JSON.stringify({ sub: key.getPublicKey(), exp: expires, nats: { type: "user" } });
  const value = {
    jwt: `e30.${Buffer.from(claims).toString("base64url")}.c2ln`,
    nkeySeed: new TextDecoder().decode(key.getSeed()),
  };
  return { authentication: { case: "jwt" as const, value } };
}

describe.each([
  ["in clear", {}],
  ["with TLS", { tls: {} }],
])("a black hole %s", (_, config) => {
  test("ends with the deadline", async () => {
    const server = await serve();
    const outcome = await tryConnector("nats", { ...at(server), ...config }, { deadlineMs: 1000 });
    expect(failure(outcome)?.code).toBe("TIMED_OUT");
  });

  test("ends with the caller", async () => {
    const server = await serve();
    const caller = new AbortController();
    const running = tryConnector("nats", { ...at(server), ...config }, { signal: caller.signal });
    const ended = running.catch((error: unknown) => error);
    await expect.poll(() => server.open()).toBe(1);
    caller.abort(new Error("gone"));
    expect(await ended).toMatchObject({ message: "gone" });
  });
});

describe("a server", () => {
  test("that falls silent in the log-in, or after it, ends with the deadline", async () => {
    const silent = await serve((socket) => void socket.write(greeting()));
    const first = await endedIn("AUTHENTICATE", (deadlineMs) => tryConnector("nats", at(silent), { deadlineMs }));
    expect(steps(first)).toContain("AUTHENTICATE FAILED TIMED_OUT");
    const mute = await serve(fakeNats({ welcome: "PONG\r\nMSG a 1 99999\r\n" }));
    const second = await endedIn("AUTHORIZE", (deadlineMs) => tryConnector("nats", at(mute), { deadlineMs }));
    expect(steps(second)).toContain("AUTHORIZE FAILED TIMED_OUT");
  });

  test("that falls silent in the log-in ends with the caller", async () => {
    const server = await serve((socket) => void socket.write(greeting()));
    const caller = new AbortController();
    const onStep = ({ stage }: { stage: TestStage }) =>
      stage === TestStage.AUTHENTICATE && caller.abort(new Error("gone"));
    const running = tryConnector("nats", at(server), {
      signal: caller.signal,
      onStep: (step) => void setImmediate(onStep, step),
    });
    await expect(running).rejects.toThrow("gone");
  });

  test("that hangs up after the log-in is found at once", async () => {
    const server = await serve(fakeNats({ leaves: true }));
    const outcome = await tryConnector("nats", at(server));
    expect(failure(outcome)?.code).toBe("CONNECTION_CLOSED");
  });

  test("is told nothing but who asks", async () => {
    const lines: string[] = [];
    const server = await serve(fakeNats({}, lines));
    expect(await tryConnector("nats", { ...at(server), ...password })).toMatchObject({ error: false });
    const said = lines.map((line) => line.split(" ")[0]);
    expect(said).toEqual(["CONNECT", "PING", "SUB", "UNSUB", "PUB", "PING", "UNSUB", "PING"]);
    expect(lines.find((line) => line.startsWith("PUB"))).toMatch(/^PUB \$SYS\.REQ\.USER\.INFO _INBOX\.\S+ 0$/);
  });

  test("that begins with TLS is waited for, and then spoken to", async () => {
    const server = await serve((socket) => {
      const inner = secure(socket, "server");
      inner.once("secure", () => fakeNats({ info: { tls_required: true } })(inner));
    });
    const outcome = await tryConnector("nats", { ...at(server), ...password, ...tls });
    expect(outcome.error).toBe(false);
    expect(steps(outcome)).toContain("TLS PASSED OK");
    expect(server.total()).toBe(1);
  });

  test("that says more than its greeting before TLS is not trusted", async () => {
    const server = await serve((socket) => void socket.write(`${greeting({ tls_required: true })}PING\r\n`));
    const outcome = await tryConnector("nats", { ...at(server), ...password, ...tls });
    expect(failure(outcome)).toMatchObject({ code: "NOT_A_NATS_SERVER", field: "servers" });
  });

  test.each([
    ["'Authorization Violation'", password, "PASSWORD_WRONG", "password.password"],
    ["'Authorization Violation'", jwt(1_700_000_000), "JWT_EXPIRED", "jwt.jwt"],
    ["'User Authentication Expired'", jwt(4_000_000_000), "JWT_EXPIRED", "jwt.jwt"],
    ["'User Authentication Revoked'", jwt(4_000_000_000), "JWT_REVOKED", "jwt.jwt"],
    ["'Account Authentication Expired'", jwt(4_000_000_000), "ACCOUNT_EXPIRED", "jwt.jwt"],
    ["'maximum connections exceeded'", password, "TOO_MANY_CONNECTIONS", "servers"],
    ["'maximum account active connections exceeded'", password, "TOO_MANY_CONNECTIONS", "servers"],
  ])("that answers %s", async (words, config, code, field) => {
    const welcome = `-ERR ${words}\r\n`;
    const server = await serve(fakeNats({ info: { nonce: "n" }, welcome, leaves: true }));
    const outcome = await tryConnector("nats", { ...at(server), ...config });
    expect(failure(outcome)).toMatchObject({ code, field });
  });

  test("tells when a JWT ends", async () => {
    const server = await serve(fakeNats({ info: { auth_required: true, nonce: "n" } }));
    const outcome = await tryConnector("nats", { ...at(server), ...jwt(4_000_000_000) });
    expect(factsOf(outcome).jwt_expires).toBe("2096-10-02T07:06:40.000Z");
  });

  test("takes a JWT that ends after all days for one that does not", async () => {
    const server = await serve(fakeNats({ info: { auth_required: true, nonce: "n" } }));
    const outcome = await tryConnector("nats", { ...at(server), ...jwt(1e300) });
    expect(outcome.error).toBe(false);
    expect(factsOf(outcome)).not.toHaveProperty("jwt_expires");
  });

  const noInbox = `-ERR 'Permissions Violation for Subscription to "_INBOX.x"'\r\n`;
  const noPublish = `-ERR 'Permissions Violation for Publish to "$SYS.REQ.USER.INFO"'\r\n`;
  test.each([
    ["no inbox", { sub: noInbox }, false, "AUTHORIZE WARNING INBOX_DENIED"],
    ["no request", { pub: noPublish }, false, "AUTHORIZE WARNING PERMISSION_NOT_SHOWN"],
    ["neither", { sub: noInbox, pub: noPublish }, true, "AUTHORIZE FAILED PERMISSION_DENIED"],
  ])("that allows %s", async (_, refusals, error, step) => {
    const server = await serve(fakeNats(refusals));
    const outcome = await tryConnector("nats", { ...at(server), ...password });
    expect(outcome.error).toBe(error);
    expect(steps(outcome)).toContain(step);
  });

  test("does not choose the words of a report", async () => {
    const welcome = `-ERR 'you are ${secret} <script>'\r\n`;
    const server = await serve(
      fakeNats({ info: { server_name: `\u001b[2J${"x".repeat(5000)}` }, welcome, leaves: true }),
    );
    const outcome = await tryConnector("nats", { ...at(server), ...password });
    expect(outcome.error).toBe(true);
    const text = JSON.stringify(outcome, (_, value) => (typeof value === "bigint" ? `${value}` : value));
    expect(text).not.toMatch(/script|xxxx{200}/);
    expect(text).not.toContain(secret);
  });
});

describe("servers that a server announces", () => {
  const announcing = (...urls: unknown[]) => fakeNats({ info: { connect_urls: urls } });

  test("are not dialled where the egress policy forbids", async () => {
    const server = await serve(announcing("169.254.169.254:80", "[fe80::1]:4222"));
    const outcome = await tryConnector("nats", at(server));
    expect(outcome.error).toBe(true);
    expect(failure(outcome)).toMatchObject({ code: "EGRESS_DENIED", endpoint: "169.254.169.254:80" });
    expect(failure(outcome)?.hint).toContain("connect_urls");
    expect(steps(outcome).filter((step) => step.startsWith("CONNECT"))).toEqual([
      "CONNECT PASSED OK",
      "CONNECT NOT_EXECUTED NOT_REACHED",
      "CONNECT NOT_EXECUTED NOT_REACHED",
    ]);
  });

  test("are warnings when they cannot be reached", async () => {
    const nowhere = await freePort();
    const server = await serve(announcing(`127.0.0.1:${nowhere}`, 7, "no address", "a:0"));
    const outcome = await tryConnector("nats", at(server));
    expect(outcome.error).toBe(false);
    expect(steps(outcome)).toContain("CONNECT WARNING CONNECTION_REFUSED");
  });

  test("are not more than 16", async () => {
    const other = await serve(fakeNats({}));
    const urls = Array.from({ length: 40 }, (_, index) => `127.0.0.${index + 2}:${other.port}`);
    const server = await serve(announcing(...urls));
    const outcome = await tryConnector("nats", at(server));
    const named = new Set(outcome.report.steps.map(({ endpoint }) => endpoint));
    expect(named.size).toBe(17);
  });
});

describe("what is no NATS server", () => {
  test.each([
    ["an SSH server", (socket: Socket) => void socket.write("SSH-2.0-OpenSSH_9.9\r\n")],
    ["a greeting without JSON", (socket: Socket) => void socket.write("INFO hello\r\n")],
    ["a greeting of null", (socket: Socket) => void socket.write("INFO null\r\n")],
    ["a greeting without a version", (socket: Socket) => void socket.write("INFO {}\r\n")],
    ["an endless greeting", (socket: Socket) => void socket.write(`INFO ${"x".repeat(200_000)}`)],
    ["nonsense after the greeting", (socket: Socket) => void socket.write(`${greeting()}HTTP/1.1 200 OK\r\n`)],
    ["a second greeting that is none", fakeNats({ welcome: "INFO null\r\n" })],
  ])("%s is recognised", async (_, behave) => {
    const server = await serve(behave);
    const outcome = await tryConnector("nats", at(server));
    expect(failure(outcome)).toMatchObject({ code: "NOT_A_NATS_SERVER", field: "servers" });
    expect(steps(outcome)).toContain("AUTHENTICATE FAILED NOT_A_NATS_SERVER");
  });

  test("one that hangs up", async () => {
    const server = await serve((socket) => void socket.destroy());
    expect(failure(await tryConnector("nats", at(server)))?.code).toBe("CONNECTION_CLOSED");
    expect(failure(await tryConnector("nats", { ...at(server), ...tls }))?.code).toBe("CONNECTION_CLOSED");
  });

  test("an endless message", async () => {
    const server = await serve((socket) => {
      fakeNats({ welcome: "PONG\r\nMSG a 1 60000000\r\n" })(socket);
      const flood = () => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65_536)));
      };
      socket.on("drain", flood).once("data", () => setTimeout(flood, 50));
    });
    expect(failure(await tryConnector("nats", at(server)))?.code).toBe("TOO_MUCH_DATA");
  });

  test.each([
    ["no JSON", "hello", "NOT_A_NATS_SERVER"],
    ["an error", JSON.stringify({ error: { code: 503, err_code: 10_008 } }), "JETSTREAM_FAILED"],
  ])("JetStream that answers with %s", async (_, answer, code) => {
    const server = await serve((socket) => {
      fakeNats({ pub: "" })(socket);
      socket.on("data", (bytes: Buffer) => {
        const [, inbox, sid] = /SUB (\S+)\.\* (\d+)/.exec(bytes.toString()) ?? [];
        const reply = /PUB \S+ (\S+) /.exec(bytes.toString())?.[1] ?? inbox;
        if (sid !== undefined) socket.write(`MSG ${reply} ${sid} ${answer.length}\r\n${answer}\r\n`);
      });
    });
    expect(failure(await discoverWith("nats", at(server)))).toMatchObject({ code });
  });
});
