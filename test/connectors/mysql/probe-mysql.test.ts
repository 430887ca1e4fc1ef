import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test } from "vitest";
import { MysqlConfigSchema } from "../../../gen/connectory/v1/mysql_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { mysql } from "../../../src/connectors/mysql/mysql.ts";
import { createDialer } from "../../../src/egress/dialer.ts";
import { createEgressPolicy } from "../../../src/egress/egress-policy.ts";
import { canary } from "../../support/canary.ts";
import { blackHole, type LocalServer, pem, sendWithoutEnd, startLocalServer } from "../local-server.ts";
import { expectNothingLeft, openResources } from "../open-resources.ts";
import { endedIn, failure, steps, tryConnector } from "../run-probe.ts";
import {
  type Answer,
  abilities,
  authSwitch,
  greeting,
  message,
  moreData,
  ok,
  refusal,
  startFakeMysql,
} from "./fake-mysql.ts";

const servers: LocalServer[] = [];
async function keep<Server extends LocalServer>(server: Promise<Server>): Promise<Server> {
  servers.push(await server);
  return server;
}
afterEach(async () => {
  await expect.poll(() => servers.reduce((open, server) => open + server.open(), 0)).toBe(0);
  for (const server of servers.splice(0)) await server.close();
});

const password = canary("mysql-fake");
const at = ({ port }: LocalServer) => ({ host: "localhost", port, username: "ann", password });
const tls = { ca: pem("authority") };
const offersTls = greeting({ lower: abilities.tls });

describe("a log-in", () => {
  /** Asks for a method; `full` is what a server of caching_sha2_password says when it does not know the password yet. */
  const wants =
    (plugin: string, inTls: boolean, full = false): Answer =>
    (received, number) => {
      const first = inTls ? 2 : 1;
      if (number === first) return authSwitch(first + 1, plugin);
      if (number === first + 2 && full) return moreData(first + 3, Buffer.from([4]));
      if (received.length === 5 && received[4] === 2) return moreData(number + 1, Buffer.from("a key of somebody"));
      return refusal(number + 1, 1045);
    };

  test.each([
    ["caching_sha2_password", true],
    ["sha256_password", false],
    ["mysql_clear_password", false],
  ])("with %s shows the password in TLS alone", async (plugin, full) => {
    const inClear = await keep(startFakeMysql(greeting(), wants(plugin, false, full)));
    const refused = await tryConnector("mysql", at(inClear));
    expect(failure(refused)).toMatchObject({ code: "TLS_REQUIRED", field: "tls" });
    expect(Buffer.concat(inClear.received).toString("latin1")).not.toContain(password);
    expect(Buffer.concat(inClear.received).length).toBeLessThan(400);

    const inTls = await keep(startFakeMysql(offersTls, wants(plugin, true, full), "server"));
    const outcome = await tryConnector("mysql", { ...at(inTls), tls });
    expect(failure(outcome)).toMatchObject({ code: "PASSWORD_WRONG", field: "password" });
    expect(inTls.received.at(-1)?.subarray(4).toString()).toBe(`${password}\0`);
  });

  test.each(["client_ed25519", "dialog", "toString", "__proto__"])("with %s is not supported", async (plugin) => {
    const server = await keep(startFakeMysql(greeting(), wants(plugin, false)));
    const outcome = await tryConnector("mysql", at(server));
    expect(failure(outcome)).toMatchObject({ code: "AUTH_METHOD_UNSUPPORTED", field: "username" });
  });

  test.each([
    [1040, "AUTHENTICATE", "TOO_MANY_CONNECTIONS", "host"],
    [1044, "AUTHORIZE", "PERMISSION_DENIED", "database"],
    [1045, "AUTHENTICATE", "PASSWORD_WRONG", "password"],
    [1049, "AUTHORIZE", "DATABASE_UNKNOWN", "database"],
    [1130, "AUTHENTICATE", "LOGIN_REFUSED", "host"],
    [1862, "AUTHENTICATE", "PASSWORD_EXPIRED", "password"],
    [3118, "AUTHENTICATE", "LOGIN_REFUSED", "username"],
    [3159, "AUTHENTICATE", "TLS_REQUIRED", "tls"],
    [9999, "AUTHENTICATE", "COMMAND_REFUSED", "host"],
  ])("that is refused with %i", async (errno, stage, code, field) => {
    const server = await keep(startFakeMysql(greeting(), (_, number) => refusal(number + 1, errno)));
    const outcome = await tryConnector("mysql", at(server));
    expect(steps(outcome)).toContain(`${stage} FAILED ${code}`);
    expect(failure(outcome)?.field).toBe(field);
    expect(failure(outcome)?.hint).not.toContain("words of the server");
  });

  test.each([
    [1040, "TOO_MANY_CONNECTIONS"],
    [1130, "LOGIN_REFUSED"],
    [0, "NOT_A_MYSQL_SERVER"],
  ])("that is refused with %i instead of a greeting, with TLS and without", async (errno, code) => {
    const server = await keep(startFakeMysql(refusal(0, errno), () => undefined));
    expect(failure(await tryConnector("mysql", at(server)))?.code).toBe(code);
    expect(failure(await tryConnector("mysql", { ...at(server), tls }))?.code).toBe(code);
  });

  test("says the same of itself before TLS and in it, whatever the server offers", async () => {
    const offers = greeting({ lower: abilities.tls, upper: abilities.manyFactors, extended: 0xff });
    const server = await keep(startFakeMysql(offers, (_, number) => refusal(number + 1, 1045), "server"));
    await tryConnector("mysql", { ...at(server), database: "shop", tls });
    const [request, login] = server.received;
    expect(request?.length).toBe(36);
    expect([request?.[3], login?.[3]]).toEqual([1, 2]);
    expect(request?.readUInt32LE(4)).toBe(login?.readUInt32LE(4));
    const [localFiles, statements, encrypted, withDatabase] = [0x80, 0x10000, 0x800, 0x8];
    const flags = request?.readUInt32LE(4) ?? 0;
    expect(flags & (localFiles | statements)).toBe(0);
    expect(flags & (encrypted | withDatabase)).toBe(encrypted | withDatabase);
  });
});

describe("TLS", () => {
  test("that the server does not offer ends it: nothing goes in clear", async () => {
    const server = await keep(startFakeMysql(greeting(), () => undefined));
    const outcome = await tryConnector("mysql", { ...at(server), tls });
    expect(failure(outcome)).toMatchObject({ code: "TLS_NOT_OFFERED", field: "tls" });
    expect(server.received).toEqual([]);
  });

  test.each([
    ["after the greeting", Buffer.concat([offersTls, ok(2)])],
    ["cut short", offersTls.subarray(0, 20)],
    ["too long", message(0, `\n${"x".repeat(5000)}`)],
    ["without an end of its version", message(0, "\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")],
    ["with nothing in it", message(0, "\n\0")],
    ["empty", message(0, "")],
  ])("bytes that are no greeting (%s) end it", async (_, bytes) => {
    const server = await keep(startLocalServer((socket) => void socket.write(bytes)));
    const run = (deadlineMs: number) => tryConnector("mysql", { ...at(server), tls }, { deadlineMs });
    const outcome = await endedIn("TLS", run);
    expect(failure(outcome)?.code).toMatch(/^(NOT_A_MYSQL_SERVER|TIMED_OUT)$/);
    expect(failure(outcome)?.stage).toBe(TestStage.TLS);
  });

  test("arrives byte by byte", async () => {
    const server = await keep(
      startLocalServer(async (socket) => {
        for (const byte of greeting()) {
          if (!socket.destroyed) socket.write(Buffer.from([byte]));
          await sleep(1);
        }
      }),
    );
    expect(failure(await tryConnector("mysql", { ...at(server), tls }))?.code).toBe("TLS_NOT_OFFERED");
  });
});

describe("what a server answers to a query", () => {
  /** Lets everybody in, and answers the first query. */
  const answering =
    (answer: Buffer): Answer =>
    (_, number) =>
      number === 0 ? answer : ok(number + 1);

  test("the wish for a file of ours is not granted", async () => {
    const wish = Buffer.concat([Buffer.from([0xfb]), Buffer.from("/etc/passwd")]);
    const asking = await keep(startFakeMysql(greeting(), answering(message(1, wish))));
    const run = (deadlineMs: number) => tryConnector("mysql", at(asking), { deadlineMs });
    const outcome = await endedIn("AUTHORIZE", run);
    expect(outcome.error).toBe(true);
    expect(Buffer.concat(asking.received).toString("latin1")).not.toContain("root:");
  });

  test.each([
    ["columns without end", message(1, Buffer.from([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0]))],
    ["a refusal cut short", message(1, Buffer.from([0xff]))],
    ["nothing", message(1, "")],
    ["a wrong number", message(77, Buffer.from([0, 0, 0, 2, 0, 0, 0]))],
    ["more than was asked for", Buffer.concat([ok(1), ok(2), ok(3)])],
    ["a refusal cut short that nobody asked for", Buffer.concat([ok(1), message(0, Buffer.from([0xff]))])],
    ["noise", Buffer.alloc(3000, 0x2a)],
  ])("%s", async (_, answer) => {
    const server = await keep(startFakeMysql(greeting(), answering(answer)));
    const run = (deadlineMs: number) => tryConnector("mysql", at(server), { deadlineMs });
    const outcome = await endedIn("AUTHORIZE", run);
    expect(outcome.error).toBe(true);
    expect(failure(outcome)?.code).toMatch(/^(NOT_A_MYSQL_SERVER|TIMED_OUT|CONNECTION_CLOSED)$/);
  });
});

describe("what is no MySQL server", () => {
  const flood = (socket: Socket) => {
    // A message of 16 MB follows the other.
    socket.write(Buffer.concat([greeting(), Buffer.from([0xff, 0xff, 0xff, 2])]));
    sendWithoutEnd(socket);
  };

  test.each([
    ["an SSH server", (socket: Socket) => void socket.write("SSH-2.0-OpenSSH_9.9\r\n"), "NOT_A_MYSQL_SERVER"],
    ["an FTP server", (socket: Socket) => void socket.write("220 ready\r\n"), "NOT_A_MYSQL_SERVER"],
    ["one that hangs up", (socket: Socket) => void socket.destroy(), "CONNECTION_CLOSED"],
    ["one that sends without end", flood, "(TOO_MUCH_DATA|NOT_A_MYSQL_SERVER)"],
  ])("%s", async (_, behave, code) => {
    const server = await keep(startLocalServer(behave));
    for (const config of [at(server), { ...at(server), tls }]) {
      const outcome = await tryConnector("mysql", config);
      expect(failure(outcome)?.code).toMatch(new RegExp(`^${code}$`));
    }
  });
});

test("a target that the server may not dial", async () => {
  const server = await keep(blackHole());
  const dialer = createDialer({ policy: createEgressPolicy({ allow: [], deny: [], allowLoopback: false }) });
  expect(failure(await tryConnector("mysql", at(server), { dialer }))).toMatchObject({
    code: "EGRESS_DENIED",
    field: "host",
  });
  expect(server.total()).toBe(0);
});

describe.each([
  ["without TLS", {}],
  ["with TLS", { tls: {} }],
])("a black hole %s", (_, config) => {
  test("ends with the deadline, and leaves no timer and no socket", async () => {
    const server = await keep(blackHole());
    const before = openResources();
    const outcome = await tryConnector("mysql", { ...at(server), ...config }, { deadlineMs: 1500 });
    expect(failure(outcome)?.code).toBe("TIMED_OUT");
    await expectNothingLeft(before);
  });

  test("ends with the caller, and the socket with it", async () => {
    const server = await keep(blackHole());
    const caller = new AbortController();
    const running = tryConnector("mysql", { ...at(server), ...config }, { signal: caller.signal });
    const ended = expect(running).rejects.toThrow("gone");
    await expect.poll(() => server.open()).toBe(1);
    caller.abort(new Error("gone"));
    await ended;
    await expect.poll(() => server.open()).toBe(0);
  });
});

describe("describe, endpoints and check", () => {
  test("tell who, where and what, never the password", () => {
    const config = create(MysqlConfigSchema, { host: "db.example", username: "ann", password, database: "shop" });
    expect(mysql.describe(config)).toBe("ann@db.example:3306/shop");
    expect(mysql.endpoints(config)).toEqual([{ host: "db.example", port: 3306 }]);
    expect(mysql.validate?.(config)).toEqual([]);
    const untrusted = create(MysqlConfigSchema, { host: "::1", port: 3307, username: "ann", tls: { ca: "none" } });
    expect(mysql.describe(untrusted)).toBe("ann@[::1]:3307/");
    expect(mysql.validate?.(untrusted).map(({ field }) => field)).toEqual(["tls.ca"]);
  });
});
