import { hostExpected, isHost } from "../../egress/is-host.ts";
import type { FieldViolation } from "../../errors/api-error.ts";

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

/** Returns the violations of a list of servers. */
export function validateNatsServers(text: string): readonly FieldViolation[] {
  const descriptions = split(text).flatMap((entry) => {
    if (entry.includes("@")) return ["must not hold users, passwords or tokens: they have fields of their own"];
    if (/^wss?:/.test(entry)) return ["must be nats or tls: WebSockets are not supported"];
    const groups = shape.exec(entry)?.groups;
    if (groups === undefined)
      return ["must be host:port, comma separated, such as nats-1:4222,tls://[2001:db8::1]:4222"];
    const host = groups.name ?? groups.v6 ?? "";
    if (!isHost(host)) return [`the host ${host} ${hostExpected}`];
    const port = Number(groups.port ?? 4222);
    return port < 1 || port > 65535 ? [`${port} is not a port: 1 to 65535`] : [];
  });
  return [...new Set(descriptions)].map((description) => ({ field: "servers", description }));
}

function split(text: string): readonly string[] {
  return text.split(",").map((entry) => entry.trim().toLowerCase());
}
