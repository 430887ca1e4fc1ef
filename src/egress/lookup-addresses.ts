import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

/** Every address of a host name (an IP address stands for itself), as the system's resolver has them. */
export async function lookupAddresses(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  const found = await lookup(host, { all: true, order: "verbatim" });
  return found.map(({ address }) => address);
}
