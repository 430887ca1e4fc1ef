import ipaddr, { type IPv4, type IPv6 } from "ipaddr.js";

/** The ranges of ipaddr.js that hold real systems. An address outside of them is denied unless EGRESS_ALLOW has its block. */
const openRanges = new Set(["unicast", "private", "uniqueLocal", "carrierGradeNat", "6to4", "rfc6052", "rfc6145"]);

/**
 * Addresses in open ranges at which cloud platforms return credentials or control the host: AWS (IPv6), Google (IPv6), Alibaba,
 * Azure's host agent, Scaleway (IPv6). Their other addresses are link-local or reserved.
 */
const platformAddresses = ["fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "fd00:42::42"].map(
  (address) => ipaddr.parse(address).toNormalizedString(),
);

/** Returns the reserved range of an address, such as `linkLocal`; undefined when it may be dialled. */
export function reservedRange(address: IPv4 | IPv6): string | undefined {
  if (platformAddresses.includes(address.toNormalizedString())) return "platform";
  const range = address.range();
  return openRanges.has(range) && !isLocalTranslation(address) ? undefined : range;
}

/**
 * 64:ff9b:1::/48 (RFC 8215): each network chooses the position of the IPv4 address in it, so that address cannot be checked.
 */
function isLocalTranslation(address: IPv4 | IPv6): boolean {
  return address instanceof ipaddr.IPv6 && address.match(ipaddr.IPv6.parse("64:ff9b:1::"), 48);
}

/**
 * Returns the address and the IPv4 address that a router would translate it to: mapped and compatible addresses, 6to4, NAT64. A
 * policy that checked only the outer form could be bypassed. A mapped address is replaced by its IPv4 address.
 */
export function withEmbedded(address: IPv4 | IPv6): readonly (IPv4 | IPv6)[] {
  if (address instanceof ipaddr.IPv4) return [address];
  if (address.isIPv4MappedAddress()) return [address.toIPv4Address()];
  const bytes = address.toByteArray();
  const start = embeddedAt(address.range(), bytes);
  return start === undefined ? [address] : [address, new ipaddr.IPv4(bytes.slice(start, start + 4))];
}

/** Returns the offset of the embedded IPv4 address in the 16 bytes; undefined without one. */
function embeddedAt(range: string, bytes: readonly number[]): number | undefined {
  if (range === "6to4") return 2;
  const tail = 12;
  if (range === "rfc6052" || range === "rfc6145") return tail;
  // ::/96, the compatible form; :: and ::1 have ranges of their own.
  return range === "unicast" && bytes.slice(0, tail).every((byte) => byte === 0) ? tail : undefined;
}
