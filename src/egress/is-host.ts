import { isIP } from "node:net";

/** A label of a name: letters, digits, hyphens and underscores, no hyphen at either end, at most 63 (RFC 1035, 2.3.4). */
const label = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/** The forms that inet_aton and browsers parse as a part of an IPv4 address: `10`, `0x7f`, `0177`. */
const number = /^(?:\d+|0x[0-9a-f]*)$/i;

/**
 * Returns true for a valid host; the only definition, used for configurations, announced addresses, settings and look-ups. A
 * host is an IPv4 address as four decimal numbers, an IPv6 address without brackets and zone, or an ASCII name without empty
 * labels, with at most one dot at its end. A text that the resolver would read differently from a person or a rule is invalid:
 * `127.1`, `0x7f.0.0.1`, `10.0.0.1.`, `a..b`, `db.example..`, `db%2eexample`, `d．b`.
 */
export function isHost(text: string): boolean {
  if (isIP(text) !== 0) return !text.includes("%");
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  if (name.length > 253) return false;
  const labels = name.split(".");
  return labels.every((part) => label.test(part)) && !number.test(labels.at(-1) ?? "");
}

/** The description of the violation for a text that is not a host. */
export const hostExpected =
  "must be a name without empty parts, an IPv4 address as four decimal numbers, or an IPv6 address without a zone";
