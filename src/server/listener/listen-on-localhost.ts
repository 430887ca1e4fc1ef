import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type ServerOpts } from "node:net";

/**
 * Listens on the further addresses of `localhost`, which has two on most machines while a server listens on one. An address that
 * cannot be opened is skipped. The listeners close with the server.
 */
export async function listenOnLocalhost(server: Server, host: string, options: ServerOpts): Promise<void> {
  if (host !== "localhost") return;
  const { address: first, port } = server.address() as AddressInfo;
  for (const { address } of await lookup(host, { all: true })) {
    if (address === first) continue;
    const other = createServer(options, (socket) => server.emit("connection", socket));
    other.listen({ host: address, port, ipv6Only: true });
    const listening = await once(other, "listening").then(
      () => true,
      () => false, // such as an IPv6 address in a container without IPv6
    );
    if (listening) server.once("close", () => other.close());
  }
}
