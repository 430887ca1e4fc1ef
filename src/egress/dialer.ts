import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { canonicalTarget } from "./canonical-target.ts";
import type { EgressPolicy, Target } from "./egress-policy.ts";
import { lookupAddresses, type NameSources, type Resolution } from "./lookup-addresses.ts";

declare const admitted: unique symbol;

/** Addresses that the policy has let pass; only `Dialer.admit` makes one. */
export interface ApprovedTarget {
  readonly [admitted]: true;
  readonly addresses: readonly string[];
  readonly port: number;
}

/**
 * The only way out of this process towards what callers name. The name is resolved once, every address is checked,
 * and a checked address is dialled, never the name again: a second answer of the name server changes nothing.
 * Sockets belong to the signal that they were opened with: when it aborts they are destroyed, connected or not.
 */
export interface Dialer {
  /** Asks for no name that the policy denies. Rejects with the resolver's error, such as `ENOTFOUND`. */
  resolve(host: string, signal: AbortSignal): Promise<Resolution>;
  /** Rejects with EgressDenied. */
  authorize(target: Target, resolution: Resolution): Promise<ApprovedTarget>;
  /** Rejects with the last address's error, such as `ECONNREFUSED`. */
  open(target: ApprovedTarget, signal: AbortSignal): Promise<Socket>;
  /** The three in a row. */
  dial(options: Target & { readonly signal: AbortSignal }): Promise<Socket>;
}

/** How long an address may keep the next one of the same name waiting, in milliseconds: one lost SYN and its repeat. */
const nextAddressAfterMs = 2500;

export interface DialerOptions {
  readonly policy: EgressPolicy;
  /** The system's own without it. */
  readonly names?: NameSources;
  /**
   * Awaited before each address is dialled, with its `canonicalTarget`: what counts connections where they really go. An
   * address is dialled when it resolves, never when it rejects.
   */
  acquireTarget?(target: string, signal: AbortSignal): Promise<void>;
}

export function createDialer({ policy, names = {}, acquireTarget }: DialerOptions): Dialer {
  const dialer: Dialer = {
    resolve: (host, signal) => lookupAddresses(host, { ...names, signal, mayAsk: policy.mayAsk }),
    authorize: async (target, resolution) => {
      const { addresses } = resolution;
      await policy.check(target, addresses, resolution.names);
      return { addresses, port: target.port } as ApprovedTarget;
    },
    open: async ({ addresses, port }, signal) => {
      let failure: unknown = new Error("the name has no address");
      for (const [index, address] of addresses.entries()) {
        await acquireTarget?.(canonicalTarget(address, port), signal);
        const last = index === addresses.length - 1;
        const attemptSignal = last ? signal : AbortSignal.any([signal, AbortSignal.timeout(nextAddressAfterMs)]);
        try {
          return await openAddress(address, port, signal, attemptSignal);
        } catch (error) {
          signal.throwIfAborted();
          failure = error;
        }
      }
      throw failure;
    },
    dial: async ({ host, port, signal }) => {
      const resolution = await dialer.resolve(host, signal);
      return dialer.open(await dialer.authorize({ host, port }, resolution), signal);
    },
  };
  return dialer;
}

async function openAddress(
  host: string,
  port: number,
  signal: AbortSignal,
  attemptSignal: AbortSignal,
): Promise<Socket> {
  attemptSignal.throwIfAborted();
  const socket = connect({ host, port, autoSelectFamily: false, noDelay: true });
  // Whoever uses the socket learns of its end from `close`; without a listener a late reset would end the process.
  socket.on("error", () => socket.destroy());
  const destroy = () => socket.destroy();
  signal.addEventListener("abort", destroy, { once: true });
  socket.once("close", () => signal.removeEventListener("abort", destroy));
  try {
    await once(socket, "connect", { signal: attemptSignal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
