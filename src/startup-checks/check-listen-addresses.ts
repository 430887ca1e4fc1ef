import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { createServer, isIP, type Server } from "node:net";
import type { Address } from "../config/env-reader.ts";

/** A setting, and what is wrong with it and what to do, to follow its name. */
export type Fault = readonly [setting: string, description: string];

/**
 * Opens each address for a moment, all at once, and returns the faults of those that cannot be opened. A name needs one of its
 * addresses.
 */
export async function checkListenAddresses(addresses: Readonly<Record<string, Address>>): Promise<Fault[]> {
  const opened = new Map<string, Server>();
  const faults: Fault[] = [];
  for (const [setting, address] of Object.entries(addresses)) {
    const found = await openAddress(address);
    if (typeof found === "string") {
      const twin = [...opened.keys()].find((name) => address.port !== 0 && addresses[name]?.port === address.port);
      faults.push([setting, describe(address, found, twin)]);
    } else opened.set(setting, found);
  }
  for (const server of opened.values()) await once(server.close(), "close");
  return faults;
}

/** Returns the listening server, or the code of the error. */
async function openAddress({ host, port }: Address): Promise<Server | string> {
  let first = "";
  try {
    const hosts = isIP(host) === 0 ? (await lookup(host, { all: true })).map(({ address }) => address) : [host];
    for (const one of hosts) {
      const server = createServer((socket) => socket.destroy());
      try {
        server.listen({ host: one, port, exclusive: true });
        await once(server, "listening");
        return server;
      } catch (error) {
        first ||= codeOf(error);
      }
    }
  } catch (error) {
    first = codeOf(error);
  }
  return first;
}

const codeOf = (error: unknown) => String((error as NodeJS.ErrnoException).code ?? "unknown error");

function describe({ host, port }: Address, code: string, twin: string | undefined): string {
  const written = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (code === "EADDRINUSE" && twin !== undefined) return `${written} is taken by ${twin}: give each a port of its own`;
  if (code === "EADDRINUSE")
    return `${written} is in use by another program: stop that one (ss -ltnp shows it), or choose another port`;
  if (code === "EADDRNOTAVAIL" || code === "EINVAL")
    return `${host} is no address of this machine: take 127.0.0.1, 0.0.0.0 for all addresses, or one that ip addr shows`;
  if (code === "EACCES")
    return `${written} may not be opened by this user: choose a port above 1023, or give the process CAP_NET_BIND_SERVICE`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return `${host} is a name that this machine cannot resolve: give an address, such as 127.0.0.1`;
  if (code === "EAFNOSUPPORT") return `${host} is an IPv6 address, and this machine has no IPv6: give an IPv4 address`;
  return `${written} cannot be opened (${code}): choose another address`;
}
