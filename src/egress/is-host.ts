import { isIP } from "node:net";

/** Of a name: letters, digits, hyphens and underscores, no hyphen at either end, 63 of them at most (RFC 1035, 2.3.4). */
const label = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/** What inet_aton and browsers read as a part of an IPv4 address: `10`, `0x7f`, `0177`. */
const number = /^(?:\d+|0x[0-9a-f]*)$/i;

/**
 * The one answer to what a host is, wherever one is read: in a configuration, in what a server announces, in a setting, and
 * before a name is asked for. An IPv4 address as four decimal numbers, an IPv6 address without brackets and zone, or a name
 * in ASCII without empty parts, which may have one dot at its end. What would be another host to the resolver than to
 * whoever reads it or a rule is none: `127.1`, `0x7f.0.0.1`, `10.0.0.1.`, `a..b`, `db.example..`, `db%2eexample`, `d．b`.
 */
export function isHost(text: string): boolean {
  if (isIP(text) !== 0) return !text.includes("%");
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  if (name.length > 253) return false;
  const labels = name.split(".");
  return labels.every((part) => label.test(part)) && !number.test(labels.at(-1) ?? "");
}

/** What to say of a text that is no host. */
export const hostExpected =
  "must be a name without empty parts, an IPv4 address as four decimal numbers, or an IPv6 address without a zone";
