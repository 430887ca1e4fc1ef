import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { createDialer } from "../../src/egress/create-dialer.ts";
import { createEgressPolicy, EgressDenied } from "../../src/egress/egress-policy.ts";
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
    for (const host of ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "::ffff:127.0.0.1"])
      await expect(dialer(false).dial({ host, port, signal }), host).rejects.toBeInstanceOf(EgressDenied);
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

  test("an aborted signal opens nothing", async () => {
    const { port, open } = await listen();
    await expect(dialer(true).dial({ host: "127.0.0.1", port, signal: AbortSignal.abort() })).rejects.toThrow();
    expect(open.size).toBe(0);
  });
});
