import { once } from "node:events";
import { type AddressInfo, createServer, Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createConnectionLimits, networkOf } from "../../../src/server/admission/connection-limits.ts";

const opened: Socket[] = [];
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
});

async function listen(limits: { total: number; perAddress: number }) {
  const admit = createConnectionLimits(limits);
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    if (admit(socket)) socket.write("in");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  /** Whether a connection from an address of the loopback network is taken in. */
  const connect = async (localAddress: string) => {
    const socket = new Socket();
    opened.push(socket);
    socket.connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", localAddress });
    const admitted = await new Promise<boolean>((resolve) => {
      socket.once("data", () => resolve(true)).once("close", () => resolve(false));
      socket.on("error", () => undefined);
    });
    return { admitted, socket };
  };
  return { connect, close: () => server.close() };
}

test("an address has so many connections and no more; a closed one makes room", async () => {
  const { connect, close } = await listen({ total: 100, perAddress: 3 });
  const first = await connect("127.0.0.1");
  for (let index = 0; index < 2; index += 1) expect((await connect("127.0.0.1")).admitted).toBe(true);
  expect((await connect("127.0.0.1")).admitted).toBe(false);
  expect((await connect("127.0.0.2")).admitted).toBe(true);
  first.socket.destroy();
  await expect.poll(async () => (await connect("127.0.0.1")).admitted).toBe(true);
  close();
});

test("all addresses together have so many and no more", async () => {
  const { connect, close } = await listen({ total: 4, perAddress: 2 });
  const admitted: boolean[] = [];
  for (const address of ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"])
    admitted.push((await connect(address)).admitted);
  expect(admitted).toEqual([true, true, true, true, false]);
  close();
});

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::6", "2001:db8:1:2::/64"],
  ["2001:db8::6", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["", ""],
])("%s is counted as %s", (address, network) => expect(networkOf(address)).toBe(network));
