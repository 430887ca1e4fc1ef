import { domainToASCII } from "node:url";
import ipaddr, { type IPv4, type IPv6 } from "ipaddr.js";

/** One entry of EGRESS_ALLOW or EGRESS_DENY: plain data, which can be sent to another thread. */
export type EgressRule =
  /** The addresses of a block; `base` is an address that can be parsed. */
  | { readonly kind: "block"; readonly base: string; readonly bits: number }
  /** A host name and every name below it: lower case, no dot at either end. */
  | { readonly kind: "domain"; readonly name: string }
  /** `*`: every target. */
  | { readonly kind: "everything" };

/** Returns true when the rule covers this address. */
export function matchesAddress(rule: EgressRule, address: IPv4 | IPv6): boolean {
  if (rule.kind === "everything") return true;
  if (rule.kind === "domain") return false;
  const base = ipaddr.parse(rule.base);
  if (address.kind() === "ipv4") return base.kind() === "ipv4" && (address as IPv4).match(base as IPv4, rule.bits);
  return base.kind() === "ipv6" && (address as IPv6).match(base as IPv6, rule.bits);
}

/** Returns true when the rule covers this host, as the configuration writes it. */
export function matchesHost(rule: EgressRule, host: string): boolean {
  if (rule.kind === "everything") return true;
  if (rule.kind === "block") return false;
  const name = normalizeHost(host);
  return name === rule.name || name.endsWith(`.${rule.name}`);
}

/** Returns a host in the form that the resolver uses: ASCII, lower case, without the dot that ends a fully qualified name. */
export function normalizeHost(host: string): string {
  // domainToASCII returns an empty text for an invalid name, such as an IPv6 address.
  return (domainToASCII(host) || host.toLowerCase()).replace(/\.$/, "");
}
