import { hostExpected, isHost } from "../../egress/is-host.ts";
import type { FieldViolation } from "../../errors/api-error.ts";
import { entryName } from "../sdk/entry-name.ts";
import { validateCount } from "../sdk/validate-count.ts";

/** A broker's address. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** The maximum number of entries that a response names. */
const maxNamed = 5;

/** Returns the addresses of `host:port, [v6]:port`, each once. The text must have no violations. */
export function parseBootstrapServers(text: string): readonly BrokerAddress[] {
  const entries = new Set(text.split(",").map((entry) => entry.trim().toLowerCase()));
  return [...entries].map((entry) => {
    const colon = entry.lastIndexOf(":");
    return { host: entry.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(entry.slice(colon + 1)) };
  });
}

/** Returns the violations of a list of brokers: the first wrong entries, each by its number, and too many of them. */
export function validateBootstrapServers(text: string): readonly FieldViolation[] {
  // `required` covers an empty text.
  if (text === "") return [];
  const entries = text.split(",").map((entry) => entry.trim());
  const faults = entries.flatMap((entry, index) => {
    const fault = faultOfEntry(entry);
    return fault === undefined ? [] : [`${entryName(entries, index)} ${fault}`];
  });
  return [
    ...faults.slice(0, maxNamed).map((description) => ({ field: "bootstrap_servers", description })),
    ...validateCount("bootstrap_servers", [...new Set(entries.map((entry) => entry.toLowerCase()))]),
  ];
}

const shape = /^(?:\[(?<v6>[^[\]]*)\]|(?<name>[^:[\]]*))(?::(?<port>.*))?$/;

/** Returns what is wrong with an entry, to follow its name, and the correction; undefined for `host:port`. */
function faultOfEntry(entry: string): string | undefined {
  if (entry === "") return "is empty: leave out the comma that is too many";
  if (entry.includes("@")) return "must not hold a user or a password: they have fields of their own";
  const plain = /^[a-z][a-z0-9+._-]*:\/\/([^/]*)\/*$/i.exec(entry)?.[1];
  if (plain !== undefined) return `must be host:port, without a scheme: ${faultOfEntry(plain) ?? plain}`;
  if (isHost(entry)) return entry.includes(":") ? `must have brackets and a port: [${entry}]:9092` : noPort(entry);
  if (/[;\s]/.test(entry)) return "must be host:port; entries are separated by commas";
  const groups = shape.exec(entry)?.groups;
  if (groups === undefined)
    return "must be host:port, an IPv6 address in brackets, such as broker-1:9092 or [2001:db8::1]:9092";
  const { v6, name = "", port } = groups;
  const host = v6 ?? name;
  // The letters of other alphabets count as no host, and blanks inside of an entry neither.
  if (!isHost(host) || (v6 === undefined) === host.includes(":")) return `must be host:port; the host ${hostExpected}`;
  if (port === undefined) return noPort(entry);
  if (/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535) return undefined;
  return "must have a port from 1 to 65535: brokers usually have 9092";
}

function noPort(host: string): string {
  return `must have a port: ${host}:9092`;
}
