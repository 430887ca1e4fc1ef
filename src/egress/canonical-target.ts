import ipaddr from "ipaddr.js";
import { withEmbedded } from "./reserved-ranges.ts";

/**
 * One text for an address and a port, however the address is written: an IPv6 address that leads to an IPv4 one (mapped, NAT64,
 * 6to4) is that one.
 */
export function canonicalTarget(address: string, port: number): string {
  const parsed = ipaddr.parse(address);
  const last = withEmbedded(parsed).at(-1) ?? parsed;
  return `[${last.toNormalizedString()}]:${port}`;
}
