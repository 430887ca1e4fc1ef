import type { Target } from "./egress-policy.ts";

/** Returns the addresses of the service's own database and brokers, from its settings. */
export function selfTargets(databaseUrl: string | undefined, brokers: readonly string[]): readonly Target[] {
  return [
    ...(databaseUrl === undefined ? [] : databaseTargets(new URL(databaseUrl))),
    ...brokers.map((broker) => targetOf(new URL(`kafka://${broker}`))),
  ];
}

/**
 * pg lets `?host=` and `?port=` of a URL replace its host and port, so every combination is a target. The path of a Unix socket
 * is not.
 */
function databaseTargets(url: URL): Target[] {
  const asked = url.searchParams;
  const hosts = [decodeURIComponent(url.hostname), ...asked.getAll("host")].filter((host) => /^[^/]/.test(host));
  const ports = [url.port, ...asked.getAll("port")];
  return hosts.flatMap((hostname) => ports.map((port) => targetOf({ hostname, port: port || "5432" })));
}

function targetOf({ hostname, port }: { readonly hostname: string; readonly port: string }): Target {
  // A URL writes an IPv6 address in brackets.
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
}
