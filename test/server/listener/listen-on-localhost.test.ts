import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, test } from "vitest";
import { listenOnLocalhost } from "../../../src/server/listener/listen-on-localhost.ts";

test("localhost is listened on at each of its addresses, until the server closes", async () => {
  const server = createServer((socket) => socket.end("here")).listen(0, "127.0.0.1");
  await once(server, "listening");
  await listenOnLocalhost(server, "localhost", {});
  const { port } = server.address() as AddressInfo;
  /** What is said at an address; undefined where nobody listens. */
  const at = (host: string) =>
    new Promise<string | undefined>((resolve) => {
      const socket = connect(port, host);
      socket.once("data", (chunk) => resolve(String(chunk))).once("error", () => resolve(undefined));
    });
  const addresses = (await lookup("localhost", { all: true })).map(({ address }) => address);
  for (const address of addresses) expect([address, await at(address)]).toEqual([address, "here"]);
  server.close();
  await once(server, "close");
  for (const address of addresses) await expect.poll(() => at(address)).toBeUndefined();
});
