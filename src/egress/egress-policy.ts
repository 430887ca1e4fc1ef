import { networkInterfaces } from "node:os";
import ipaddr, { type IPv4, type IPv6 } from "ipaddr.js";
import { type EgressRule, matchesAddress, matchesHost, normalizeHost } from "./egress-rule.ts";
import { lookupAddresses, type NameSources } from "./lookup-addresses.ts";
import { reservedRange, withEmbedded } from "./reserved-ranges.ts";

/** A host and port, as a configuration or a server names it. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** The denial of a target. `hint` is for the caller: it names the setting, never the protected system. */
export class EgressDenied extends Error {
  readonly hint: string;

  constructor(hint: string) {
    super(hint);
    this.name = "EgressDenied";
    this.hint = hint;
  }
}

/** The options of `createEgressPolicy`: plain data, so that they can be sent to another thread. */
export interface EgressPolicyOptions {
  readonly allow: readonly EgressRule[];
  readonly deny: readonly EgressRule[];
  /** True when this server listens only on its own machine, so that loopback gives a caller no additional access. */
  readonly allowLoopback: boolean;
  /** The service's own database and brokers, never dialled for a caller, whatever the rules say. Default: none. */
  readonly protectedTargets?: readonly Target[];
}

/** The decision which targets may be dialled. */
export interface EgressPolicy {
  /**
   * Returns false for a name that EGRESS_DENY lists, which is then not resolved either. Undefined when EGRESS_DENY lists no
   * names.
   */
  readonly mayAsk: ((name: string) => boolean) | undefined;
  /**
   * Rejects with EgressDenied when the target, or one of its addresses and names, may not be dialled. `names` begins with the
   * queried name, then come its aliases (default: none). A name of EGRESS_ALLOW applies to the queried name only, not to an
   * alias, which other zones can point there.
   */
  check(target: Target, addresses: readonly string[], names?: readonly string[]): Promise<void>;
}

/**
 * Returns the policy of outgoing connections for callers, applied in this order:
 * 1. protected targets are denied;
 * 2. entries of EGRESS_DENY are denied (its `*` applies in step 5);
 * 3. a block of EGRESS_ALLOW allows its addresses, those in denied ranges too;
 * 4. loopback (unless allowed), link-local, multicast, reserved ranges and cloud metadata are denied. A *name* of EGRESS_ALLOW
 * does not allow them, because the operator of its zone could point it there;
 * 5. `*` in EGRESS_DENY denies every target that EGRESS_ALLOW does not list; without it the other targets are allowed.
 * `names` are the sources for the names of protected targets. Default: those of the system.
 */
export function createEgressPolicy(options: EgressPolicyOptions, names: NameSources = {}): EgressPolicy {
  const { allow, allowLoopback, protectedTargets = [] } = options;
  const deny = options.deny.filter((rule) => rule.kind !== "everything");
  const closed = deny.length < options.deny.length;
  const isProtected = createProtection(protectedTargets, names);

  const isNamed = (name: string) => deny.some((rule) => matchesHost(rule, name));

  const checkAddress = (hosts: readonly string[], address: IPv4 | IPv6) => {
    if (deny.some((rule) => matchesAddress(rule, address))) throw deniedBy("EGRESS_DENY");
    const range = reservedRange(address);
    if (range !== undefined && !(range === "loopback" && allowLoopback)) {
      if (!allow.some((rule) => rule.kind === "block" && matchesAddress(rule, address))) throw rangeDenied(range);
    }
    if (closed && !allow.some((rule) => matchesAddress(rule, address) || hosts.some((host) => matchesHost(rule, host))))
      throw deniedBy("EGRESS_ALLOW");
  };

  return {
    mayAsk: deny.some(({ kind }) => kind === "domain") ? (name) => !isNamed(name) : undefined,
    check: async (target, addresses, names = []) => {
      if ([target.host, ...addresses].some((name) => name.includes("%"))) throw zoneDenied();
      if ([target.host, ...names].some(isNamed)) throw deniedBy("EGRESS_DENY");
      const parsed = addresses.map((address) => ipaddr.parse(address)).flatMap(withEmbedded);
      if (await isProtected(target, parsed, names))
        throw new EgressDenied("this target may not be dialled by this server");
      for (const address of parsed) checkAddress([target.host, ...names.slice(0, 1)], address);
    },
  };
}

function deniedBy(setting: "EGRESS_ALLOW" | "EGRESS_DENY"): EgressDenied {
  const why = setting === "EGRESS_DENY" ? "denies this target" : "does not name this target";
  return new EgressDenied(`the server's ${setting} ${why}: ask its operator`);
}

/** A zone (`fd00:ec2::254%eth0`) changes the text and the parsed form of an address that reaches the same host. */
function zoneDenied(): EgressDenied {
  return new EgressDenied("the target is an address with a zone (%): name it without one");
}

function rangeDenied(range: string): EgressDenied {
  const where = range === "loopback" ? "the server's own machine" : "an address range that is closed";
  return new EgressDenied(`the target is in ${where}: the operator can open it with a block in EGRESS_ALLOW`);
}

/** Returns a check for protected targets, by name and by each address that the protected name currently has. */
function createProtection(targets: readonly Target[], names: NameSources) {
  const lastKnown = new Map<string, readonly string[]>();
  const addressesOf = async ({ host }: Target) => {
    try {
      lastKnown.set(host, (await lookupAddresses(host, { ...names, whole: true })).addresses);
    } catch {
      // The last known addresses stay protected. Without any, the target could be one of them.
      if (!lastKnown.has(host))
        throw new EgressDenied("this server cannot look up its own systems just now: try again");
    }
    return lastKnown.get(host) ?? [];
  };
  return async (target: Target, addresses: readonly (IPv4 | IPv6)[], aliases: readonly string[]): Promise<boolean> => {
    const samePort = targets.filter(({ port }) => port === target.port);
    const reached = [target.host, ...aliases].map(normalizeHost);
    if (samePort.some(({ host }) => reached.includes(normalizeHost(host)))) return true;
    const known = (await Promise.all(samePort.map(addressesOf))).flat().map((address) => ipaddr.process(address));
    const local = known.some((address) => ["loopback", "unspecified"].includes(address.range()));
    return addresses.some((address) => {
      const text = address.toNormalizedString();
      if (known.some((one) => one.toNormalizedString() === text)) return true;
      return local && isOwnAddress(address, text);
    });
  };
}

/** True for each address of this machine: a server that listens on one of them often listens on all. */
function isOwnAddress(address: IPv4 | IPv6, text: string): boolean {
  if (["loopback", "unspecified"].includes(address.range())) return true;
  const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return own.some((entry) => ipaddr.process(entry.address).toNormalizedString() === text);
}
