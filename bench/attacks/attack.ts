/** Whom an attack goes to, and with what. */
export interface AttackTarget {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Of a member of an organization of its own. */
  readonly token: string;
}

/** Goes on, bounded in count, until the signal is aborted. */
export type Attack = (target: AttackTarget, signal: AbortSignal) => Promise<void>;

/** Attackers have an address of their own, as they would outside. */
export const attackerAddress = "127.0.0.2";

/** Calls `once` again and again, one after the other, with a pause between; what it throws is the server's defence. */
export async function again(signal: AbortSignal, pauseMs: number, once: () => Promise<unknown>): Promise<void> {
  while (!signal.aborted) {
    await once().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
