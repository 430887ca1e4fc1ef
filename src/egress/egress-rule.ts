import { domainToASCII } from "node:url";
import ipaddr, { type IPv4, type IPv6 } from "ipaddr.js";

/** One entry of EGRESS_ALLOW or EGRESS_DENY: plain data, which can be handed to another thread. */
export type EgressRule =
  /** The addresses of a block; `base` is an address that can be parsed. */
  | { readonly kind: "block"; readonly base: string; readonly bits: number }
  /** A host name and every name below it: lower case, no dot at either end. */
  | { readonly kind: "domain"; readonly name: string }
  /** `*`: every target. */
  | { readonly kind: "everything" };

/** True when the rule is about this address. */
export function matchesAddress(rule: EgressRule, address: IPv4 | IPv6): boolean {
  if (rule.kind === "everything") return true;
  if (rule.kind === "domain") return false;
  const base = ipaddr.parse(rule.base);
  if (address.kind() === "ipv4") return base.kind() === "ipv4" && (address as IPv4).match(base as IPv4, rule.bits);
  return base.kind() === "ipv6" && (address as IPv6).match(base as IPv6, rule.bits);
}

/** True when the rule is about this host, as the configuration names it. */
export function matchesHost(rule: EgressRule, host: string): boolean {
  if (rule.kind === "everything") return true;
  if (rule.kind === "block") return false;
  const name = normalizeHost(host);
  return name === rule.name || name.endsWith(`.${rule.name}`);
}

/** As the resolver takes it: in ASCII and lower case, without the dot that closes a fully qualified name. */
export function normalizeHost(host: string): string {
  // What is no name in any alphabet, such as an IPv6 address, comes back empty.
  return (domainToASCII(host) || host.toLowerCase()).replace(/\.$/, "");
}
