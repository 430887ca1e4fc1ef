import { Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import { normalizeHost } from "./egress-rule.ts";
import { readHostsFile } from "./hosts-file.ts";
import { isHost } from "./is-host.ts";
import { searchedNames } from "./resolv-conf.ts";

/** The sources of names. Defaults: those of the system. */
export interface NameSources {
  /** Name servers, as `address:port`. Default: those of the system's resolver configuration. */
  readonly servers?: readonly string[];
  /** The path of the hosts file. Default: `/etc/hosts`. */
  readonly hostsFile?: string;
  /** The path of the resolver configuration, for its search domains. Default: `/etc/resolv.conf`. */
  readonly resolverFile?: string;
  /** The timeout of the first attempt, in milliseconds; the second attempt waits longer. Default: 2000. */
  readonly timeoutMs?: number;
}

/** The options of `lookupAddresses`. */
export interface LookupOptions extends NameSources {
  /** Ends the look-up at once, with the signal's reason. Default: none. */
  readonly signal?: AbortSignal;
  /** True when all addresses are required: the look-up rejects when only one of A and AAAA got a response. Default: false. */
  readonly whole?: boolean;
  /**
   * The names that may be queried. A denied name is skipped as if it did not exist; when no other name has addresses, the
   * result lists the denied names without addresses. With this option aliases (CNAME) are resolved too. Default: all names, no
   * aliases.
   */
  readonly mayAsk?: ((name: string) => boolean) | undefined;
}

/** The result of a look-up. */
export interface Resolution {
  readonly addresses: readonly string[];
  /**
   * The names of these addresses, in lower case without a final dot: first the queried name with its search domain, then its
   * aliases. Empty for an IP address. Without addresses: the denied names.
   */
  readonly names: readonly string[];
}

/**
 * Returns every address of a host, IPv4 first: from the hosts file, else from the name servers; an IP address is its own
 * result. getaddrinfo (dns.lookup) is not used: it cannot be cancelled, and each call holds one of the few libuv threads of the
 * process, so unanswered names would block every other look-up. Rejects with the error of c-ares: `ENOTFOUND`, `ENODATA` or
 * `EBADNAME` when the name does not exist, another code when that is unknown.
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
  // RFC 6761, 6.4: `invalid` never has addresses, so no name server is queried.
  if (name === "invalid" || name.endsWith(".invalid")) throw failure("ENOTFOUND");
  const fullyQualified = host.endsWith(".") ? `${name}.` : name;
  return askFor(searchedNames(fullyQualified, resolverFile), options);
}

/**
 * Each look-up has its own resolver: a cancellation ends all queries of a resolver, and a new one reads the system's settings.
 */
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
      // A query of the next name would wait as long.
      if (codes.some((code) => unanswered.has(code))) break;
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
  if (names.length < wanted.length) return { addresses: [], names: wanted.filter((name) => !names.includes(name)) };
  throw failure(failures.find(isUnknown) ?? failures.at(-1) ?? "ENOTFOUND");
}

/** The maximum length of a chain of aliases, longer than name servers follow themselves. */
const maxAliases = 16;

/**
 * Returns the chain of aliases of a name; c-ares reports it only to a separate query. Without a response the chain is empty:
 * the operator of a zone that hides its alias could as well return the address itself.
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

/** True when the name server gave no answer, so the existence of addresses is unknown. */
function isUnknown(code: string): boolean {
  return !absent.has(code);
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  // The name server refused the connection. A socket's error has the same code, but concerns the target.
  return code === "ECONNREFUSED" || code === "" ? "EAI_AGAIN" : code;
}

function failure(code: string): Error {
  return Object.assign(new Error(`the name was not resolved: ${code}`), { code });
}
