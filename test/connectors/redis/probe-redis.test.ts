import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { limitReplySize } from "../../../src/connectors/redis/limit-reply-size.ts";
import { createDialer, type Dialer } from "../../../src/egress/dialer.ts";
import { createEgressPolicy } from "../../../src/egress/egress-policy.ts";
import { canary } from "../../support/canary.ts";
import { blackHole, type LocalServer, localDialer, sendWithoutEnd, startLocalServer } from "../local-server.ts";
import { expectNothingLeft, openResources } from "../open-resources.ts";
import { failure, steps, tryConnector } from "../run-probe.ts";
import { asNode, bulk, startFakeRedis } from "./fake-redis.ts";

const servers: LocalServer[] = [];
async function keep(server: Promise<LocalServer>): Promise<LocalServer> {
  servers.push(await server);
  return server;
}
afterEach(async () => {
  await expect.poll(() => servers.reduce((open, server) => open + server.open(), 0)).toBe(0);
  for (const server of servers.splice(0)) await server.close();
});

const user = { username: "ann", password: canary("redis-fake") };
const single = ({ port }: LocalServer) => ({ address: `redis://127.0.0.1:${port}`, ...user });
const clustered = ({ port }: LocalServer) => ({ addresses: [`redis://127.0.0.1:${port}`], ...user });

/** May dial 127.0.0.1 and nothing else of this machine; says what it has dialled. */
function strictDialer(): { dialer: Dialer; dialled: string[] } {
  const allow = [{ kind: "block", base: "127.0.0.1", bits: 32 } as const];
  const inner = createDialer({ policy: createEgressPolicy({ allow, deny: [], allowLoopback: false }) });
  const dialled: string[] = [];
  const open: Dialer["open"] = (target, signal) => {
    dialled.push(...target.addresses.map((address) => `${address}:${target.port}`));
    return inner.open(target, signal);
  };
  return { dialer: { ...inner, open }, dialled };
}

describe("an address that a server names", () => {
  test.each(["169.254.169.254", "127.0.0.2", "::1", "::ffff:127.0.0.2", "0.0.0.0"])(
    "as a node (%s) is denied, and not dialled",
    async (host) => {
      const server = await keep(startFakeRedis(asNode([[host, 6379]])));
      const { dialer, dialled } = strictDialer();
      const outcome = await tryConnector("redis", clustered(server), { dialer });
      expect(failure(outcome)).toMatchObject({ code: "EGRESS_DENIED", field: "addresses" });
      expect(failure(outcome)?.hint).toContain("cluster-announce-ip");
      expect(outcome.error).toBe(true);
      expect(dialled).toEqual([server.endpoint]);
    },
  );

  test.each([
    ["PING", "address"],
    ["AUTH ANN", "address"],
    ["INFO SERVER", "address"],
    ["PING", "addresses"],
    ["CLUSTER SLOTS", "addresses"],
    ["CLUSTER INFO", "addresses"],
  ])("as an answer to %s (%s) is denied, and not dialled", async (command, field) => {
    for (const redirect of ["MOVED 1 127.0.0.2:6379", "ASK 16383 169.254.169.254:80", "MOVED 0 ::1:6379"]) {
      const honest = asNode([]);
      const answer = (asked: string) => (asked.startsWith(command) ? `-${redirect}\r\n` : honest(asked));
      const server = await keep(startFakeRedis(answer));
      const { dialer, dialled } = strictDialer();
      const config = field === "address" ? single(server) : clustered(server);
      const outcome = await tryConnector("redis", config, { dialer });
      expect(failure(outcome)).toMatchObject({ code: "REDIRECTED", field });
      expect(steps(outcome)).toContain("EGRESS FAILED EGRESS_DENIED");
      expect(dialled).toEqual([server.endpoint]);
    }
  });

  test("as a node that answers is reached and logged in to", async () => {
    const other = await keep(startFakeRedis(asNode([])));
    const asked: string[] = [];
    const first = await keep(
      startFakeRedis((command) => {
        asked.push(command);
        return asNode([
          [null, first.port],
          ["127.0.0.1", other.port],
          ["", first.port],
        ])(command);
      }),
    );
    const outcome = await tryConnector("redis", clustered(first));
    expect(failure(outcome)).toBeUndefined();
    expect([first.total(), other.total()]).toEqual([1, 1]);
    expect(asked).toEqual([
      `AUTH ANN ${user.password.toUpperCase()}`,
      "PING",
      "CLUSTER SLOTS",
      "INFO SERVER",
      "INFO REPLICATION",
      "CLUSTER INFO",
    ]);
  });

  test("as one of very many: sixteen are dialled", async () => {
    const other = await keep(startLocalServer((socket) => socket.destroy()));
    const nodes = Array.from({ length: 200 }, (_, index) => [`127.0.1.${index}`, other.port] as const);
    const server = await keep(startFakeRedis(asNode(nodes)));
    const dialled: string[] = [];
    const open: Dialer["open"] = (target, signal) => {
      dialled.push(target.addresses.join());
      return localDialer.open(target, signal);
    };
    await tryConnector("redis", clustered(server), { dialer: { ...localDialer, open } });
    expect(dialled.length).toBe(17);
  });

  test.each([
    ["?", 6379],
    ["a b", 6379],
    ["node", 0],
    ["node", 70000],
    ["x".repeat(300), 6379],
  ])("that cannot be one (%s:%i)", async (host, port) => {
    const server = await keep(startFakeRedis(asNode([[host, port]])));
    const outcome = await tryConnector("redis", clustered(server));
    expect(failure(outcome)).toMatchObject({ code: "ADDRESS_INVALID", field: "addresses" });
  });
});

describe("a server in trouble", () => {
  const honest = asNode([]);
  const answering = (command: string, answer: string) =>
    keep(startFakeRedis((asked) => (asked.startsWith(command) ? answer : honest(asked))));

  test.each([
    ["AUTH", "-ERR Client sent AUTH, but no password is set", "AUTHENTICATE", "LOGIN_NOT_EXPECTED", "password"],
    [
      "AUTH",
      "-ERR AUTH <password> called without any password configured",
      "AUTHENTICATE",
      "LOGIN_NOT_EXPECTED",
      "password",
    ],
    ["AUTH", "-ERR invalid password", "AUTHENTICATE", "PASSWORD_WRONG", "password"],
    ["AUTH", "-ERR wrong number of arguments for 'auth' command", "AUTHENTICATE", "LOGIN_NOT_EXPECTED", "username"],
    ["AUTH", "-ERR max number of clients reached", "AUTHENTICATE", "TOO_MANY_CONNECTIONS", "address"],
    ["AUTH", "-ERR something else", "AUTHENTICATE", "COMMAND_REFUSED", "address"],
    ["PING", "-NOPERM this user has no permissions", "AUTHORIZE", "PERMISSION_DENIED", "username"],
    ["PING", "-LOADING Redis is loading the dataset in memory", "CAPABILITY", "STARTING_UP", "address"],
    ["PING", "+HELLO", "CAPABILITY", "NOT_A_REDIS_SERVER", "address"],
    ["PING", "*1\r\n+PONG", "CAPABILITY", "NOT_A_REDIS_SERVER", "address"],
    ["INFO", "$24\r\nredis_mode:sentinel\r\nx:1", "CAPABILITY", "IS_A_SENTINEL", "address"],
  ])("%s is answered %j", async (command, answer, stage, code, field) => {
    const server = await answering(command, `${answer}\r\n`);
    const outcome = await tryConnector("redis", single(server));
    expect(steps(outcome)).toContain(`${stage} FAILED ${code}`);
    expect(failure(outcome)).toMatchObject({ code, field });
    expect(JSON.stringify(outcome.report.steps.map(({ hint }) => hint))).not.toMatch(/something else|dataset/);
  });

  test("a replica without its master works and warns", async () => {
    const server = await answering("PING", "-MASTERDOWN Link with MASTER is down\r\n");
    const outcome = await tryConnector("redis", single(server));
    expect(outcome.error).toBe(false);
    expect(steps(outcome)).toContain("CAPABILITY WARNING MASTER_DOWN");
  });

  test("INFO that the user may not have is only a fact less", async () => {
    const server = await answering("INFO", "-NOPERM no\r\n");
    const outcome = await tryConnector("redis", single(server));
    expect(outcome.error).toBe(false);
    expect(outcome.report.facts).toEqual([]);
  });

  test("a cluster that serves nothing", async () => {
    const server = await answering("CLUSTER INFO", bulk("cluster_state:fail\r\n"));
    expect(failure(await tryConnector("redis", clustered(server)))?.code).toBe("CLUSTER_DOWN");
  });

  test.each([
    ["-DENIED Redis is running in protected mode because", "PROTECTED_MODE"],
    ["-ERR max number of clients reached", "TOO_MANY_CONNECTIONS"],
  ])("a server that says %j before it is asked", async (greeting, code) => {
    const server = await keep(startLocalServer((socket) => void socket.end(`${greeting}\r\n`)));
    expect(failure(await tryConnector("redis", single(server)))?.code).toBe(code);
  });
});

describe("what is no Redis server", () => {
  const reply = (text: string | Buffer) => (socket: Socket) => void socket.once("data", () => socket.write(text));
  /** More than a test reads. */
  const flood = (socket: Socket) => {
    socket.once("data", () => {
      socket.write("$536870912\r\n");
      sendWithoutEnd(socket, Buffer.alloc(1 << 20, "x"));
    });
  };

  test.each([
    ["an SSH server", (socket: Socket) => void socket.write("SSH-2.0-OpenSSH_9.9\r\n"), "NOT_A_REDIS_SERVER"],
    ["an HTTP server", reply("HTTP/1.1 400 Bad Request\r\n\r\n"), "NOT_A_REDIS_SERVER"],
    ["one that hangs up", (socket: Socket) => void socket.destroy(), "CONNECTION_CLOSED"],
    ["an unknown type", reply("+OK\r\n?1\r\n"), "NOT_A_REDIS_SERVER"],
    ["a giant array", reply("*33000000\r\n"), "NOT_A_REDIS_SERVER"],
    ["a giant array in other digits", reply("*;;;;;;;\r\n"), "NOT_A_REDIS_SERVER"],
    ["arrays in arrays", reply("*9999\r\n".repeat(1000)), "NOT_A_REDIS_SERVER"],
    ["arrays without end", reply("*1\r\n".repeat(200_000)), "NOT_A_REDIS_SERVER"],
    ["a push message without a name", reply(">1\r\n_\r\n"), "NOT_A_REDIS_SERVER"],
    ["a push message after an answer", reply("+OK\r\n>1\r\n_\r\n"), "NOT_A_REDIS_SERVER"],
    ["a text without end", flood, "TOO_MUCH_DATA"],
    ["nulls before it is asked", (socket: Socket) => void socket.write("$-1\r\n$-1\r\n"), "NOT_A_REDIS_SERVER"],
    ["nulls after an answer", reply(`+OK\r\n${"$-1\r\n".repeat(3)}`), "NOT_A_REDIS_SERVER"],
    ["a broken answer after a null", reply("+OK\r\n$-1\r\n?1\r\n"), "NOT_A_REDIS_SERVER"],
  ])("%s", async (_, behave, code) => {
    const server = await keep(startLocalServer(behave));
    const before = process.memoryUsage().rss;
    const outcome = await tryConnector("redis", single(server));
    expect(failure(outcome)).toMatchObject({ code, field: "address" });
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });

  test.each(["$-1", "*-1", "+PONG", ":1"])("PING that is answered twice, with %j", async (surplus) => {
    const honest = asNode([]);
    const answer = (asked: string) => honest(asked) + (asked === "PING" ? `${surplus}\r\n` : "");
    const outcome = await tryConnector("redis", single(await keep(startFakeRedis(answer))));
    expect(failure(outcome)).toMatchObject({ code: "NOT_A_REDIS_SERVER", field: "address" });
  });

  test.each(["\n*", "\n*1", "\r\n*", "*"])("a chunk of %j is judged once", (text) => {
    limitReplySize()(Buffer.from(text.repeat(65_536 / text.length)));
  });

  test("heads that arrive byte by byte are judged all the same", async () => {
    const server = await keep(
      startLocalServer((socket) => {
        socket.once("data", async () => {
          for (const byte of "+OK\r\n*33000000\r\n") {
            if (!socket.destroyed) socket.write(byte);
            await sleep(2);
          }
        });
      }),
    );
    expect(failure(await tryConnector("redis", single(server)))?.code).toBe("NOT_A_REDIS_SERVER");
  });
});

describe("a black hole", () => {
  test("ends with the deadline, and leaves no timer and no socket", async () => {
    const server = await keep(blackHole());
    const before = openResources();
    const outcome = await tryConnector("redis", single(server), { deadlineMs: 1500 });
    expect(failure(outcome)).toMatchObject({ code: "TIMED_OUT", field: "address" });
    await expectNothingLeft(before);
  });

  test("ends with the caller, and the socket with it", async () => {
    const server = await keep(blackHole());
    const caller = new AbortController();
    const running = tryConnector("redis", single(server), { signal: caller.signal });
    const ended = expect(running).rejects.toThrow("gone");
    await expect.poll(() => server.open()).toBe(1);
    caller.abort(new Error("gone"));
    await ended;
    await expect.poll(() => server.open()).toBe(0);
  });
});
