import ipaddr from "ipaddr.js";
import { withEmbedded } from "./reserved-ranges.ts";

/**
 * Returns one text for an address and port, however the address is written. An IPv6 address that embeds an IPv4 address
 * (mapped, NAT64, 6to4) becomes that IPv4 address.
 */
export function canonicalTarget(address: string, port: number): string {
  const parsed = ipaddr.parse(address);
  const last = withEmbedded(parsed).at(-1) ?? parsed;
  return `[${last.toNormalizedString()}]:${port}`;
}
