import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { createDialer } from "../../src/egress/dialer.ts";
import { createEgressPolicy, EgressDenied } from "../../src/egress/egress-policy.ts";
import { parseEgressRules } from "../../src/egress/parse-egress-rules.ts";
import { openNameServer } from "./open-name-server.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listen() {
  const server = createServer();
  const open = new Set<object>();
  server.on("connection", (socket) => {
    open.add(socket);
    socket.on("error", () => {}).once("close", () => open.delete(socket));
    closers.push(() => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => server.close());
  return { server, open, port: (server.address() as AddressInfo).port };
}

const dialer = (allowLoopback: boolean) =>
  createDialer({ policy: createEgressPolicy({ allow: [], deny: [], allowLoopback }) });

describe("createDialer", () => {
  test("dials by name the address that was checked", async () => {
    const { port, open } = await listen();
    const abort = new AbortController();
    const socket = await dialer(true).dial({ host: "localhost", port, signal: abort.signal });
    expect(socket.remoteAddress).toBe("127.0.0.1");
    await expect.poll(() => open.size).toBe(1);
    abort.abort();
    expect(socket.destroyed).toBe(true);
    await expect.poll(() => open.size).toBe(0);
  });

  test("what the policy denies is never connected, however the address is written", async () => {
    const { port, server } = await listen();
    let connections = 0;
    server.on("connection", () => {
      connections += 1;
    });
    const { signal } = new AbortController();
    for (const host of ["127.0.0.1", "localhost", "::ffff:127.0.0.1", "::ffff:7f00:1"])
      await expect(dialer(false).dial({ host, port, signal }), host).rejects.toBeInstanceOf(EgressDenied);
    for (const host of ["127.1", "2130706433", "0x7f000001", "127.0.0.1.", "localhost.."])
      await expect(dialer(true).dial({ host, port, signal }), host).rejects.toMatchObject({ code: "EBADNAME" });
    expect(connections).toBe(0);
  });

  test("a refused connection and an unknown name reject with the system's code", async () => {
    const { server, port } = await listen();
    server.close();
    await once(server, "close");
    const { signal } = new AbortController();
    await expect(dialer(true).dial({ host: "127.0.0.1", port, signal })).rejects.toMatchObject({
      code: "ECONNREFUSED",
    });
    await expect(dialer(true).dial({ host: "no-such-host.invalid", port, signal })).rejects.toMatchObject({
      code: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/),
    });
  });

  test("a name that leads elsewhere the second time is dialled where the policy has looked", async () => {
    const { port, open } = await listen();
    let answers = 0;
    const names = await openNameServer(({ type }) => {
      if (type === "AAAA") return [];
      answers += 1;
      return [answers === 1 ? "127.0.0.1" : "169.254.169.254"];
    });
    closers.push(names.close);
    const policy = createEgressPolicy({ allow: [], deny: [], allowLoopback: true });
    const rebound = createDialer({ policy, names: { servers: [names.address] } });
    const { signal } = new AbortController();
    const socket = await rebound.dial({ host: "db.example.", port, signal });
    expect(socket.remoteAddress).toBe("127.0.0.1");
    await expect.poll(() => open.size).toBe(1);
    expect(answers).toBe(1);
    await expect(rebound.dial({ host: "db.example.", port, signal })).rejects.toBeInstanceOf(EgressDenied);
    expect(open.size).toBe(1);
  });

  test("a denied name is reached by no other name: with dots, search domains or aliases", async () => {
    const { port, open } = await listen();
    const server = await openNameServer(({ name, type }) => {
      if (type === "CNAME") return name === "alias.example" ? { alias: "db.denied.example" } : [];
      return name.includes(".") ? ["127.0.0.1"] : "NXDOMAIN";
    });
    closers.push(server.close);
    const folder = await mkdtemp(join(tmpdir(), "dialer-"));
    closers.push(() => rmSync(folder, { recursive: true }));
    const [hostsFile, resolverFile] = [join(folder, "hosts"), join(folder, "resolv.conf")];
    await writeFile(hostsFile, "127.0.0.1 db.denied.example local");
    await writeFile(resolverFile, "search denied.example\n");
    const names = { servers: [server.address], hostsFile, resolverFile };
    const { rules: deny } = parseEgressRules("denied.example");
    const guarded = createDialer({
      policy: createEgressPolicy({ allow: [], deny, allowLoopback: true }, names),
      names,
    });
    const { signal } = new AbortController();
    for (const host of ["db.denied.example", "DB.Denied.Example.", "denied.example", "db", "alias.example", "local"])
      await expect(guarded.dial({ host, port, signal }), host).rejects.toBeInstanceOf(EgressDenied);
    for (const host of ["db.denied.example..", "db..denied.example", "db\uff0edenied.example", "db%2edenied.example"])
      await expect(guarded.dial({ host, port, signal }), host).rejects.toMatchObject({ code: "EBADNAME" });
    expect(server.asked.filter(({ name, type }) => name.endsWith("denied.example") && type !== "CNAME")).toEqual([]);
    expect(open.size).toBe(0);
    const socket = await guarded.dial({ host: "open.example", port, signal });
    closers.push(() => socket.destroy());
    await expect.poll(() => open.size).toBe(1);
  });

  test("with * in EGRESS_DENY a short name is let in by the name that it stands for, not by an alias", async () => {
    const { port } = await listen();
    const server = await openNameServer(({ name, type }) => {
      if (type === "CNAME") return name === "alias.example" ? { alias: "db.open.example" } : [];
      return name.includes(".") ? ["127.0.0.1"] : "NXDOMAIN";
    });
    closers.push(server.close);
    const folder = await mkdtemp(join(tmpdir(), "dialer-"));
    closers.push(() => rmSync(folder, { recursive: true }));
    const resolverFile = join(folder, "resolv.conf");
    await writeFile(resolverFile, "search open.example\n");
    const names = { servers: [server.address], resolverFile };
    const [allow, deny] = ["open.example", "denied.example *"].map((text) => parseEgressRules(text).rules);
    const options = { allow: allow ?? [], deny: deny ?? [], allowLoopback: true };
    const guarded = createDialer({ policy: createEgressPolicy(options, names), names });
    const { signal } = new AbortController();
    for (const host of ["db", "db.open.example"]) {
      const socket = await guarded.dial({ host, port, signal });
      closers.push(() => socket.destroy());
    }
    await expect(guarded.dial({ host: "alias.example", port, signal })).rejects.toBeInstanceOf(EgressDenied);
  });

  test("an aborted signal opens nothing", async () => {
    const { port, open } = await listen();
    await expect(dialer(true).dial({ host: "127.0.0.1", port, signal: AbortSignal.abort() })).rejects.toThrow();
    expect(open.size).toBe(0);
  });
});
