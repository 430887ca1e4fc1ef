/** Whom an attack goes to, and with what. */
export interface AttackTarget {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Of a member of an organization of its own. */
  readonly token: string;
}

/** Told how each call of an attack ended: by its status, and its reason where there is one. */
export type Count = (ended: string) => void;

/** Goes on, bounded in count, until the signal is aborted. */
export type Attack = (target: AttackTarget, signal: AbortSignal, count: Count) => Promise<void>;

/** Attackers have an address of their own, as they would outside. */
export const attackerAddress = "127.0.0.2";

/** The reason of an error, of whatever form: the first word in it that looks like one. */
export function reasonIn(bytes: Buffer | string): string {
  return /\b[A-Z]{3,}(?:_[A-Z]+)+\b/.exec(bytes.toString("latin1"))?.[0] ?? "";
}

/** The status in the frame of trailers that ends an answer of gRPC-Web. */
export function grpcWebStatusIn(body: Buffer): string {
  return /grpc-status: ?(\d+)/.exec(body.toString("latin1"))?.[1] ?? "";
}

/** Calls `once` again and again, one after the other, with a pause between; what it throws is the server's defence. */
export async function again(signal: AbortSignal, pauseMs: number, once: () => Promise<unknown>): Promise<void> {
  while (!signal.aborted) {
    await once().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
