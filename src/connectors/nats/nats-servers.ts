import { hostExpected, isHost } from "../../egress/is-host.ts";
import type { FieldViolation } from "../../errors/api-error.ts";
import { entryName } from "../sdk/entry-name.ts";

/** A server's address. */
export interface NatsServerAddress {
  readonly host: string;
  readonly port: number;
  /** True when the address has the scheme `tls://`. */
  readonly encrypted: boolean;
}

const shape =
  /^(?:(?<scheme>nats|tls):\/\/)?(?:(?<name>[a-z0-9._-]+)|\[(?<v6>[0-9a-f:.]+)\])(?::(?<port>\d{1,5}))?\/?$/;

/**
 * Returns the addresses of `host, host:port, nats://host:port, tls://host:port, [v6]:port`, each once; invalid ones are left
 * out.
 */
export function parseNatsServers(text: string): readonly NatsServerAddress[] {
  const addresses = new Map<string, NatsServerAddress>();
  for (const entry of split(text)) {
    const { scheme, name, v6, port = "4222" } = shape.exec(entry)?.groups ?? {};
    const host = name ?? v6;
    if (host === undefined) continue;
    const encrypted = scheme === "tls";
    const key = `${host} ${port}`;
    const known = addresses.get(key);
    addresses.set(key, { host, port: Number(port), encrypted: encrypted || known?.encrypted === true });
  }
  return [...addresses.values()];
}

/** The maximum number of entries that a response names. */
const maxNamed = 5;

/** Returns the violations of a list of servers: the first wrong entries, each by its number. */
export function validateNatsServers(text: string): readonly FieldViolation[] {
  const entries = split(text);
  const faults = entries.flatMap((entry, index) => {
    const fault = faultOfEntry(entry);
    return fault === undefined ? [] : [{ field: "servers", description: `${entryName(entries, index)} ${fault}` }];
  });
  return faults.slice(0, maxNamed);
}

/** Returns what is wrong with an entry, to follow its name; undefined for a server. */
function faultOfEntry(entry: string): string | undefined {
  if (entry === "") return "is empty: leave out the comma that is too many";
  if (entry.includes("@")) return "must not hold users, passwords or tokens: they have fields of their own";
  if (/^wss?:/.test(entry)) return "must be nats or tls: WebSockets are not supported";
  if (isHost(entry) && entry.includes(":")) return `must have brackets: [${entry}]:4222`;
  const groups = shape.exec(entry)?.groups;
  if (groups === undefined) return "must be host:port, such as nats-1:4222 or tls://[2001:db8::1]:4222";
  if (!isHost(groups.name ?? groups.v6 ?? "")) return `must be host:port; the host ${hostExpected}`;
  const port = Number(groups.port ?? 4222);
  return port < 1 || port > 65_535 ? "must have a port from 1 to 65535: servers usually have 4222" : undefined;
}

function split(text: string): readonly string[] {
  return text.split(",").map((entry) => entry.trim().toLowerCase());
}
