import { hostExpected, isHost } from "../../egress/is-host.ts";
import type { FieldViolation } from "../../errors/api-error.ts";
import { validateCount } from "../sdk/validate-count.ts";

/** A broker's address. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** Returns the addresses of `host:port, [v6]:port`, each once. The proto rule of the field validates the syntax. */
export function parseBootstrapServers(text: string): readonly BrokerAddress[] {
  const entries = new Set(text.split(",").map((entry) => entry.trim().toLowerCase()));
  return [...entries].map((entry) => {
    const colon = entry.lastIndexOf(":");
    return { host: entry.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(entry.slice(colon + 1)) };
  });
}

/** Returns the violations that the proto rule cannot express: the number of servers, invalid hosts, and ports out of range. */
export function validateBootstrapServers(text: string): readonly FieldViolation[] {
  const servers = parseBootstrapServers(text);
  const tooMany = validateCount("bootstrap_servers", servers);
  if (tooMany.length > 0) return tooMany;
  return servers.flatMap(({ host, port }) => [
    ...(isHost(host)
      ? []
      : [{ field: "bootstrap_servers", description: `the host of ${host}:${port} ${hostExpected}` }]),
    ...(port < 1 || port > 65535
      ? [{ field: "bootstrap_servers", description: `${port} is not a port: 1 to 65535` }]
      : []),
  ]);
}
