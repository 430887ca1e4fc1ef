import { Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import { normalizeHost } from "./egress-rule.ts";
import { readHosts } from "./read-hosts.ts";
import { searchNames } from "./search-names.ts";

/** Where names are looked up; what is left out is the system's own. */
export interface NameSources {
  /** Name servers, as `address:port`. */
  readonly servers?: readonly string[];
  readonly hostsFile?: string;
  readonly resolverFile?: string;
  /** How long the first try waits for an answer, in milliseconds; the second one waits longer. */
  readonly timeoutMs?: number;
}

export interface LookupOptions extends NameSources {
  /** Ends the look-up at once, with its reason. */
  readonly signal?: AbortSignal;
  /** True when a part of the addresses is not enough: rejects when only one of A and AAAA got an answer. */
  readonly whole?: boolean;
}

/**
 * Every address of a host name (an IP address stands for itself), IPv4 first: from the hosts file, else from the name
 * servers. Not with getaddrinfo (dns.lookup): that cannot be cancelled, and each call holds one of the few libuv
 * threads of the whole process, so that names which nobody answers would stop every other look-up. Rejects with
 * c-ares' error: `ENOTFOUND`, `ENODATA` or `EBADNAME` when there is no such name, another code when nobody knows.
 */
export async function lookupAddresses(host: string, options: LookupOptions = {}): Promise<readonly string[]> {
  const { signal, hostsFile = "/etc/hosts", resolverFile = "/etc/resolv.conf" } = options;
  signal?.throwIfAborted();
  if (isIP(host) !== 0) return [host];
  const name = normalizeHost(host);
  // `127.1`, `0x7f000001` and the like.
  if (isIP(name) !== 0) return [name];
  const local = readHosts(name, hostsFile);
  if (local.length > 0) return local;
  // RFC 6761, 6.4: there is none, nobody needs asking.
  if (name === "invalid" || name.endsWith(".invalid")) throw failure("ENOTFOUND");
  const fullyQualified = host.endsWith(".") ? `${name}.` : name;
  return askFor(searchNames(fullyQualified, resolverFile), options);
}

/** One resolver for each look-up: cancelling ends all that a resolver does, and a new one reads the system's settings. */
async function askFor(names: readonly string[], options: LookupOptions): Promise<readonly string[]> {
  const { signal, servers, timeoutMs = 2000, whole = false } = options;
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  const cancel = () => resolver.cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  const failures: string[] = [];
  try {
    for (const name of names) {
      const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
      signal?.throwIfAborted();
      const addresses = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
      const codes = answers.flatMap((answer) => (answer.status === "rejected" ? [codeOf(answer.reason)] : []));
      if (addresses.length > 0 && !(whole && codes.some(isUnknown))) return addresses;
      failures.push(...codes);
      // The next name would wait as long.
      if (codes.some((code) => unanswered.has(code))) break;
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
  throw failure(failures.find(isUnknown) ?? failures.at(-1) ?? "ENOTFOUND");
}

const absent: ReadonlySet<string> = new Set(["ENOTFOUND", "ENODATA", "EBADNAME"]);
const unanswered: ReadonlySet<string> = new Set(["ETIMEOUT", "EAI_AGAIN"]);

/** Whether there are addresses is not known: the name server did not say. */
function isUnknown(code: string): boolean {
  return !absent.has(code);
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  // The name server's port is closed. A socket's error has the same code, and is about the target.
  return code === "ECONNREFUSED" || code === "" ? "EAI_AGAIN" : code;
}

function failure(code: string): Error {
  return Object.assign(new Error(`the name was not resolved: ${code}`), { code });
}
