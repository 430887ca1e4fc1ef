import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import type { EgressRule } from "./egress-rule.ts";
import { isHost } from "./is-host.ts";

/** The parsed text of EGRESS_ALLOW or EGRESS_DENY. The rules must not be used when there is a problem. */
export interface ParsedEgressRules {
  readonly rules: readonly EgressRule[];
  /** One readable line for each invalid entry. */
  readonly problems: readonly string[];
}

/**
 * Parses a list of entries separated by commas or white space: `10.0.0.0/8`, `2001:db8::/32` and single addresses;
 * `example.com` (also as `.example.com` or `*.example.com`) for a name and every name below it; `*` for every target.
 */
export function parseEgressRules(text: string): ParsedEgressRules {
  const rules: EgressRule[] = [];
  const problems: string[] = [];
  for (const entry of text.split(/[\s,]+/).filter((part) => part !== "")) {
    const rule = parseRule(entry.toLowerCase());
    if (typeof rule === "string") problems.push(`${entry}: ${rule}`);
    else rules.push(rule);
  }
  return { rules, problems };
}

function parseRule(entry: string): EgressRule | string {
  if (entry === "*") return { kind: "everything" };
  const address = entry.split("/", 1)[0] ?? "";
  if (ipaddr.IPv4.isValidFourPartDecimal(address) || address.includes(":")) return parseBlock(entry, address);
  const name = entry.replace(/^\*?\./, "");
  if (!isHost(name) || isIP(name) !== 0) return "neither an address block, a host name nor *";
  return { kind: "domain", name: name.replace(/\.$/, "") };
}

function parseBlock(entry: string, address: string): EgressRule | string {
  if (!ipaddr.isValid(address) || address.includes("%")) return "not an IP address";
  const base = ipaddr.parse(address);
  if (base instanceof ipaddr.IPv6 && base.isIPv4MappedAddress()) return "write an IPv4 block in its IPv4 form";
  const width = base.kind() === "ipv4" ? 32 : 128;
  const prefix = entry.slice(address.length);
  if (prefix !== "" && !/^\/\d{1,3}$/.test(prefix)) return "the prefix length is not a number";
  const bits = prefix === "" ? width : Number(prefix.slice(1));
  if (bits > width) return `the prefix length is above ${width}`;
  if (hasBitsBelow(base.toByteArray(), bits)) return "the address has bits set below its prefix length";
  return { kind: "block", base: base.toString(), bits };
}

function hasBitsBelow(bytes: readonly number[], bits: number): boolean {
  return bytes.some((byte, index) => (byte & (0xff >> Math.min(8, Math.max(0, bits - index * 8)))) !== 0);
}
