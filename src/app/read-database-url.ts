import type { EnvReader } from "../config/env-reader.ts";
import { hostExpected, isHost } from "../egress/is-host.ts";
import { selfTargets } from "../egress/self-targets.ts";

/** Matches several hosts in the forms of libpq: in place of the host, or as `?host=`. pg would look up one name with commas. */
const severalHosts = /^[a-z]+:\/\/(?:[^/?#]*@)?[^/?#@]*,[^/?#@]*(?:[/?#]|$)|[?&](?:host|port)=[^&#]*(?:,|%2c)/i;

/** Parameters of libpq that select or restrict the server, and that pg ignores silently. */
const libpqOnly = new Set([
  ...["target_session_attrs", "load_balance_hosts", "hostaddr", "service", "passfile", "requirepeer"],
  ...["require_auth", "channel_binding", "gssencmode", "sslcrl", "sslcrldir", "sslcertmode"],
  ...["ssl_min_protocol_version", "ssl_max_protocol_version"],
]);

function foreignParameters(url: string): string[] {
  const names = [...url.matchAll(/[?&]([^=&#]+)=/g)].map(([, name = ""]) => name.toLowerCase());
  return [...new Set(names)].filter((name) => libpqOnly.has(name));
}

/** The values of sslmode that have a meaning here. pg verifies the server's certificate for any other text too. */
const sslModes = ["disable", "prefer", "require", "verify-ca", "verify-full", "no-verify"];

/** Returns what is wrong with the TLS parameters of a URL; undefined when nothing is. */
function tlsProblem({ searchParams }: URL): string | undefined {
  const mode = searchParams.get("sslmode");
  if (mode !== null && !sslModes.includes(mode))
    return `sslmode must be one of ${sslModes.join(", ")} (all but the first and the last verify the server's certificate)`;
  const ssl = searchParams.get("ssl");
  if (ssl !== null && !["true", "1", "0", "no-verify"].includes(ssl))
    return "ssl must be true, 1, 0 or no-verify: write sslmode=disable for no TLS, or sslmode=verify-full";
  return undefined;
}

/**
 * Returns the URL with `sslmode=verify-full` for the modes that pg treats as such, with a warning of its own on standard error.
 * With `uselibpqcompat=true` they mean what they mean in libpq.
 */
function normalizeTls(url: URL): string {
  const mode = url.searchParams.get("sslmode") ?? "";
  if (!["prefer", "require", "verify-ca"].includes(mode) || url.searchParams.has("uselibpqcompat")) return url.href;
  return url.href.replace(/(?<=[?&]sslmode=)[a-z-]+/, "verify-full");
}

/** Returns DATABASE_URL; undefined when it is absent or has a problem, which is reported to `env`. */
export function readDatabaseUrl(env: EnvReader): string | undefined {
  const text = env.text("DATABASE_URL") ?? "";
  if (severalHosts.test(text)) {
    const instead = "give the one address that leads to the primary, such as that of a proxy or a virtual address";
    env.problem("DATABASE_URL", `names several hosts, and the service connects to one: ${instead}`);
    return undefined;
  }
  const foreign = foreignParameters(text);
  if (foreign.length > 0) {
    const instead =
      "leave it out; the service connects to one address, and is ready only while the server there takes writes";
    env.problem("DATABASE_URL", `${foreign.join(", ")}: a parameter of libpq that has no effect here: ${instead}`);
    return undefined;
  }
  const url = env.url("DATABASE_URL", ["postgres:", "postgresql:"]);
  if (url === undefined) return undefined;
  const problem = selfTargets(url.href, []).every(({ host }) => isHost(host))
    ? tlsProblem(url)
    : `its host ${hostExpected}`;
  if (problem === undefined) return normalizeTls(url);
  env.problem("DATABASE_URL", problem);
  return undefined;
}
