import type { IPv4, IPv6 } from "ipaddr.js";

/** One entry of EGRESS_ALLOW or EGRESS_DENY. */
export type EgressRule =
  /** The addresses of a block. */
  | { readonly kind: "block"; readonly base: IPv4 | IPv6; readonly bits: number }
  /** A host name and every name below it: lower case, no dot at either end. */
  | { readonly kind: "domain"; readonly name: string }
  /** `*`: every target. */
  | { readonly kind: "everything" };

/** True when the rule is about this address. */
export function matchesAddress(rule: EgressRule, address: IPv4 | IPv6): boolean {
  if (rule.kind === "everything") return true;
  if (rule.kind === "domain") return false;
  const { base, bits } = rule;
  if (address.kind() === "ipv4") return base.kind() === "ipv4" && (address as IPv4).match(base as IPv4, bits);
  return base.kind() === "ipv6" && (address as IPv6).match(base as IPv6, bits);
}

/** True when the rule is about this host, as the configuration names it. */
export function matchesHost(rule: EgressRule, host: string): boolean {
  if (rule.kind === "everything") return true;
  if (rule.kind === "block") return false;
  const name = normalizeHost(host);
  return name === rule.name || name.endsWith(`.${rule.name}`);
}

/** Lower case, and without the dot that closes a fully qualified name. */
export function normalizeHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, "");
}
