import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { TestStage } from "../../gen/connectory/v1/test_report_pb.js";
import { translateError } from "../../src/connectors/sdk/translate-error.ts";
import { type LookupOptions, lookupAddresses } from "../../src/egress/lookup-addresses.ts";
import { noHosts } from "./hosts.ts";
import { type NameAnswer, openNameServer, type Question } from "./open-name-server.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A machine with these two files, whose name server says this. */
async function machine(answer: (question: Question) => NameAnswer, { hosts = "", resolver = "" } = {}) {
  const server = await openNameServer(answer);
  closers.push(server.close);
  const folder = await mkdtemp(join(tmpdir(), "names-"));
  closers.push(() => rm(folder, { recursive: true }));
  const files = { hostsFile: join(folder, "hosts"), resolverFile: join(folder, "resolv.conf") };
  await writeFile(files.hostsFile, hosts);
  await writeFile(files.resolverFile, resolver);
  const names = { ...files, servers: [server.address], timeoutMs: 100 };
  const look = (host: string, options: LookupOptions = {}) => lookupAddresses(host, { ...names, ...options });
  const find = async (host: string, options: LookupOptions = {}) => (await look(host, options)).addresses;
  const askedNames = () => [...new Set(server.asked.map(({ name }) => name))];
  return { find, look, names, asked: server.asked, askers: server.askers, askedNames };
}

/** The code that the caller sees. */
async function codeOf(work: Promise<unknown>) {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error && translateError(error, { stage: TestStage.RESOLVE, endpoint: "db.test:1", field: "host" }).code;
}

describe("what the name server says", () => {
  test("A alone, AAAA alone, and both with IPv4 first", async () => {
    const zone: Record<string, readonly string[]> = {
      "four.test": ["192.0.2.9", "192.0.2.1"],
      "six.test": ["2001:db8::1"],
      "both.test": ["2001:db8::1", "192.0.2.1"],
    };
    const { find } = await machine(({ name }) => zone[name] ?? "NXDOMAIN");
    expect(await find("four.test")).toEqual(["192.0.2.9", "192.0.2.1"]);
    expect(await find("six.test")).toEqual(["2001:db8::1"]);
    expect(await find("both.test")).toEqual(["192.0.2.1", "2001:db8::1"]);
  });

  test.each([
    ["NXDOMAIN", "NAME_NOT_FOUND"],
    [[], "NAME_NOT_FOUND"],
    ["SERVFAIL", "NAME_NOT_RESOLVED"],
    ["REFUSED", "NAME_NOT_RESOLVED"],
    ["silence", "NAME_NOT_RESOLVED"],
  ] as const)("%s is %s", async (said, code) => {
    const { find } = await machine(() => said);
    expect(await codeOf(find("db.test"))).toBe(code);
  });

  test("of two failures the one that leaves it open counts", async () => {
    const { find } = await machine(({ type }) => (type === "A" ? "SERVFAIL" : []));
    expect(await codeOf(find("db.test"))).toBe("NAME_NOT_RESOLVED");
  });

  test("one family is enough, unless the whole is asked for", async () => {
    const { find } = await machine(({ type }) => (type === "A" ? ["192.0.2.1"] : "SERVFAIL"));
    expect(await find("db.test")).toEqual(["192.0.2.1"]);
    await expect(find("db.test", { whole: true })).rejects.toMatchObject({ code: "ESERVFAIL" });
  });

  test("a name server that is down is not taken for a target that refuses", async () => {
    const { names } = await machine(() => "silence");
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    const servers = [`127.0.0.1:${socket.address().port}`];
    socket.close();
    expect(await codeOf(lookupAddresses("db.test", { ...names, servers }))).toBe("NAME_NOT_RESOLVED");
  });

  test("what no name can be, and .invalid, is not found", async () => {
    const { find, asked } = await machine(() => ["192.0.2.1"]);
    for (const host of [...noHosts, "no-such-host.invalid", "INVALID."])
      expect(await codeOf(find(host)), host).toBe("NAME_NOT_FOUND");
    expect(asked).toEqual([]);
  });
});

describe("names that nobody answers", () => {
  const silentOnes = Array.from({ length: 64 }, (_, index) => `silent-${index}.test`);

  test("delay neither other names nor the look-ups of the rest of the process, and end with their signal", async () => {
    const { find, askedNames } = await machine(({ name }) => (name === "db.test" ? ["192.0.2.1"] : "silence"));
    const caller = new AbortController();
    let ended = 0;
    const waiting = silentOnes.map((name) =>
      find(name, { signal: caller.signal, timeoutMs: 600_000 }).finally(() => {
        ended += 1;
      }),
    );
    const outcomes = Promise.allSettled(waiting);
    await expect.poll(() => askedNames().length).toBe(silentOnes.length);

    expect(await find("db.test")).toEqual(["192.0.2.1"]);
    expect((await lookup("localhost")).address).toMatch(/^(127\.0\.0\.1|::1)$/);
    expect(ended).toBe(0);

    const reason = new Error("the caller has gone");
    caller.abort(reason);
    for (const outcome of await outcomes) expect(outcome).toEqual({ status: "rejected", reason });
  });

  test("are not asked for at all once the signal has aborted", async () => {
    const { find, asked } = await machine(() => "silence");
    await expect(find("db.test", { signal: AbortSignal.abort(new Error("gone")) })).rejects.toThrow("gone");
    expect(asked).toEqual([]);
  });

  test("leave no socket behind", async () => {
    const { find, askers } = await machine(() => "silence");
    const isFree = async (port: number) => {
      const socket = createSocket("udp4").bind({ port, address: "127.0.0.1", exclusive: true });
      const free = await once(socket, "listening").then(
        () => true,
        () => false,
      );
      if (free) socket.close();
      return free;
    };
    const caller = new AbortController();
    const waiting = find("db.test", { signal: caller.signal, timeoutMs: 600_000 });
    const [port] = await vi.waitUntil(() => (askers.size > 0 ? [...askers] : undefined));
    expect(port).toBeGreaterThan(0);
    expect(await isFree(Number(port))).toBe(false);
    caller.abort();
    await expect(waiting).rejects.toThrow();
    expect(await isFree(Number(port))).toBe(true);
  });
});

describe("the hosts file", () => {
  const hosts = [
    "# 192.0.2.66 commented",
    "2001:db8::7 Db.Test",
    "192.0.2.7\tother db.test # 192.0.2.8 db.test",
    "fe80::1%lo0 db.test",
    "not-an-address db.test",
  ].join("\r\n");

  test("comes first, whatever the case and with a dot at the end", async () => {
    const { find, asked } = await machine(() => ["192.0.2.99"], { hosts });
    for (const host of ["db.test", "DB.Test", "db.test."])
      expect(await find(host), host).toEqual(["192.0.2.7", "2001:db8::7"]);
    expect(await find("other")).toEqual(["192.0.2.7"]);
    expect(asked).toEqual([]);
    expect(await find("commented")).toEqual(["192.0.2.99"]);
  });

  test("localhost and what is below it is loopback without an entry, and nothing else is", async () => {
    const { find, asked } = await machine(() => "NXDOMAIN");
    for (const host of ["localhost", "LOCALHOST.", "a.b.localhost"])
      expect(await find(host), host).toEqual(["127.0.0.1", "::1"]);
    expect(asked).toEqual([]);
    expect(await codeOf(find("notlocalhost"))).toBe("NAME_NOT_FOUND");
    const listed = await machine(() => "NXDOMAIN", { hosts: "127.0.0.1 localhost\n" });
    expect(await listed.find("a.localhost")).toEqual(["127.0.0.1"]);
  });

  test("without the file the name server is asked", async () => {
    const { find } = await machine(() => ["192.0.2.1"]);
    const missing = "/no/such/file";
    expect(await find("db.test", { hostsFile: missing, resolverFile: missing })).toEqual(["192.0.2.1"]);
  });
});

describe("search domains", () => {
  const resolver = "search old.test\nsearch ns.svc.test svc.test. \noptions timeout:1 ndots:2\n";

  test.each([
    ["db", ["db.ns.svc.test", "db.svc.test", "db"]],
    ["db.ns", ["db.ns.ns.svc.test", "db.ns.svc.test", "db.ns"]],
    ["db.ns.svc", ["db.ns.svc", "db.ns.svc.ns.svc.test", "db.ns.svc.svc.test"]],
    ["db.ns.", ["db.ns"]],
  ])("%s is looked for as the system would", async (host, testRun) => {
    const { find, askedNames } = await machine(() => "NXDOMAIN", { resolver });
    expect(await codeOf(find(host))).toBe("NAME_NOT_FOUND");
    expect(askedNames()).toEqual(testRun);
  });

  test("the first one with an address is it", async () => {
    const { find, askedNames } = await machine(({ name }) => (name === "db.svc.test" ? ["192.0.2.5"] : []), {
      resolver,
    });
    expect(await find("db")).toEqual(["192.0.2.5"]);
    expect(askedNames()).toEqual(["db.ns.svc.test", "db.svc.test"]);
  });

  test("a failing domain is passed over, and told when nothing is found; a silent one ends the search", async () => {
    const failing = await machine(({ name }) => (name.endsWith("ns.svc.test") ? "SERVFAIL" : "NXDOMAIN"), { resolver });
    expect(await codeOf(failing.find("db"))).toBe("NAME_NOT_RESOLVED");
    expect(failing.askedNames()).toEqual(["db.ns.svc.test", "db.svc.test", "db"]);
    const silent = await machine(() => "silence", { resolver });
    expect(await codeOf(silent.find("db"))).toBe("NAME_NOT_RESOLVED");
    expect(silent.askedNames()).toEqual(["db.ns.svc.test"]);
  });
});

describe("a name that may not be asked for", () => {
  const mayAsk = (name: string) => name !== "denied.test" && !name.endsWith(".denied.test");

  test("is not asked for, and is told without addresses", async () => {
    const { look, asked } = await machine(() => ["192.0.2.1"], { hosts: "192.0.2.7 db.denied.test" });
    expect(await look("DB.denied.test.", { mayAsk })).toEqual({ addresses: [], names: ["db.denied.test"] });
    expect(asked).toEqual([]);
  });

  test("is passed over among the search domains", async () => {
    const resolver = "search denied.test svc.test\n";
    const there = await machine(({ name }) => (name === "db" ? "NXDOMAIN" : ["192.0.2.1"]), { resolver });
    expect(await there.look("db", { mayAsk })).toEqual({ addresses: ["192.0.2.1"], names: ["db.svc.test"] });
    expect(there.askedNames()).toEqual(["db.svc.test"]);
    const elsewhere = await machine(({ name }) => (name === "db.denied.test" ? ["192.0.2.1"] : "NXDOMAIN"), {
      resolver,
    });
    expect(await elsewhere.look("db", { mayAsk })).toEqual({ addresses: [], names: ["db.denied.test"] });
    expect(elsewhere.askedNames()).toEqual(["db.svc.test", "db"]);
  });

  test("is told where another one is an alias of it, in the hosts file and at the name server", async () => {
    const chain: Record<string, string> = { "a.test": "b.test", "b.test": "DB.denied.test", "loop.test": "loop.test" };
    const { look } = await machine(
      ({ name, type }) => (type === "CNAME" && chain[name] ? { alias: chain[name] } : ["192.0.2.1"]),
      { hosts: "192.0.2.7 host.denied.test host" },
    );
    expect((await look("host", { mayAsk })).names).toEqual(["host", "host.denied.test"]);
    expect((await look("a.test", { mayAsk })).names).toEqual(["a.test", "b.test", "db.denied.test"]);
    expect(new Set((await look("loop.test", { mayAsk })).names)).toEqual(new Set(["loop.test"]));
  });
});
