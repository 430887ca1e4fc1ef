import { Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import { normalizeHost } from "./egress-rule.ts";
import { readHostsFile } from "./hosts-file.ts";
import { isHost } from "./is-host.ts";
import { searchedNames } from "./resolv-conf.ts";

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
  /**
   * The names that may be asked for. One that may not is passed over as if it did not exist, and nobody is asked for it;
   * when nothing else is found it is answered, without addresses. With it, what a name is an alias of (CNAME) is found out too.
   */
  readonly mayAsk?: ((name: string) => boolean) | undefined;
}

/** What was found for a host. */
export interface Resolution {
  readonly addresses: readonly string[];
  /**
   * The names that lead to these addresses, in lower case without a dot at the end: first the one that was asked for, with
   * its search domain, then those that it is an alias of. For an IP address none. Without addresses: what may not be asked for.
   */
  readonly names: readonly string[];
}

/**
 * Every address of a host (an IP address stands for itself), IPv4 first: from the hosts file, else from the name
 * servers. Not with getaddrinfo (dns.lookup): that cannot be cancelled, and each call holds one of the few libuv
 * threads of the whole process, so that names which nobody answers would stop every other look-up. Rejects with
 * c-ares' error: `ENOTFOUND`, `ENODATA` or `EBADNAME` when there is no such name, another code when nobody knows.
 */
export async function lookupAddresses(host: string, options: LookupOptions = {}): Promise<Resolution> {
  const { signal, hostsFile = "/etc/hosts", resolverFile = "/etc/resolv.conf", mayAsk = () => true } = options;
  signal?.throwIfAborted();
  if (isIP(host) !== 0) return { addresses: [host], names: [] };
  if (!isHost(host)) throw failure("EBADNAME");
  const name = normalizeHost(host);
  if (!mayAsk(name)) return { addresses: [], names: [name] };
  const local = readHostsFile(name, hostsFile);
  if (local.addresses.length > 0) return local;
  // RFC 6761, 6.4: there is none, nobody needs asking.
  if (name === "invalid" || name.endsWith(".invalid")) throw failure("ENOTFOUND");
  const fullyQualified = host.endsWith(".") ? `${name}.` : name;
  return askFor(searchedNames(fullyQualified, resolverFile), options);
}

/** One resolver for each look-up: cancelling ends all that a resolver does, and a new one reads the system's settings. */
async function askFor(wanted: readonly string[], options: LookupOptions): Promise<Resolution> {
  const { signal, servers, timeoutMs = 2000, whole = false, mayAsk } = options;
  const names = wanted.filter((name) => mayAsk?.(name) !== false);
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  const cancel = () => resolver.cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  const failures: string[] = [];
  try {
    for (const name of names) {
      const aliases = mayAsk === undefined ? [] : aliasesOf(resolver, name);
      const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
      signal?.throwIfAborted();
      const addresses = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
      const codes = answers.flatMap((answer) => (answer.status === "rejected" ? [codeOf(answer.reason)] : []));
      if (addresses.length > 0 && !(whole && codes.some(isUnknown)))
        return { addresses, names: [name, ...(await aliases)] };
      failures.push(...codes);
      // The next name would wait as long.
      if (codes.some((code) => unanswered.has(code))) break;
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
  if (names.length < wanted.length) return { addresses: [], names: wanted.filter((name) => !names.includes(name)) };
  throw failure(failures.find(isUnknown) ?? failures.at(-1) ?? "ENOTFOUND");
}

/** Longer chains of aliases than name servers follow themselves. */
const maxAliases = 16;

/**
 * What a name is an alias of, and that of, and so on; c-ares tells it of a question of its own alone. Without an answer there
 * are none: whoever runs a zone and hides where it points to could as well give the address itself.
 */
async function aliasesOf(resolver: Resolver, name: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (let next: string | undefined = name; next !== undefined && found.length < maxAliases; ) {
    const [target]: readonly string[] = await resolver.resolveCname(next).catch(() => []);
    next = target === undefined ? undefined : normalizeHost(target);
    if (next !== undefined) found.push(next);
  }
  return found;
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
