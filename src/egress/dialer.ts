import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { canonicalTarget } from "./canonical-target.ts";
import type { EgressPolicy, Target } from "./egress-policy.ts";
import { lookupAddresses, type NameSources, type Resolution } from "./lookup-addresses.ts";

declare const admitted: unique symbol;

/** Addresses that the policy has approved. Only `Dialer.authorize` creates one. */
export interface ApprovedTarget {
  readonly [admitted]: true;
  readonly addresses: readonly string[];
  readonly port: number;
}

/**
 * The only dialer of this process for targets that callers name. A name is resolved once, each of its addresses is checked, and
 * only a checked address is dialled, never the name again; a second response of the name server has no effect. A socket belongs
 * to the signal that it was opened with: when the signal aborts, the socket is destroyed, connected or not.
 */
export interface Dialer {
  /**
   * Returns the addresses of a host; never queries a name that the policy denies. Rejects with the resolver's error, such as
   * `ENOTFOUND`.
   */
  resolve(host: string, signal: AbortSignal): Promise<Resolution>;
  /** Checks the target and all its addresses against the policy. Rejects with EgressDenied. */
  authorize(target: Target, resolution: Resolution): Promise<ApprovedTarget>;
  /**
   * Returns a connected socket. The addresses are dialled in order; rejects with the error of the last one, such as
   * `ECONNREFUSED`, or with the signal's reason.
   */
  open(target: ApprovedTarget, signal: AbortSignal): Promise<Socket>;
  /** Runs `resolve`, `authorize` and `open`, and rejects as they do. */
  dial(options: Target & { readonly signal: AbortSignal }): Promise<Socket>;
}

/** The timeout of every address but the last one of a name, in milliseconds: one lost SYN and its retransmission. */
const nextAddressAfterMs = 2500;

/** The options of `createDialer`. */
export interface DialerOptions {
  readonly policy: EgressPolicy;
  /** The sources of names. Default: those of the system. */
  readonly names?: NameSources;
  /**
   * Awaited before each address is dialled, with its `canonicalTarget`, so that connections are counted by their real
   * destination. The address is dialled only when the promise resolves. Default: no limit.
   */
  acquireTarget?(target: string, signal: AbortSignal): Promise<void>;
}

/** Returns a dialer that applies the policy to every target. */
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
  // The owner of the socket learns of its end from `close`; without a listener a late reset would end the process.
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
