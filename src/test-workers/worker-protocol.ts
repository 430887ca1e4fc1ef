import type { DiscoveryRequest } from "../connectors/sdk/connector.ts";
import type { EgressPolicyOptions } from "../egress/egress-policy.ts";
import type { TestOutcome } from "./probe/run-probe.ts";

/** What a test thread is started with. */
export interface WorkerData {
  readonly egress: EgressPolicyOptions;
  /**
   * Its answers of one turn of the event loop come together, which costs both threads less. Whoever has to know what a test
   * was at when the thread ended needs each at once.
   */
  readonly batchResponses: boolean;
}

/** A request to a worker. */
export type WorkerRequest =
  | { readonly run: WorkerTask }
  | { readonly cancel: number }
  /** A test may dial a target that it has asked for. */
  | { readonly acquired: string; readonly id: number }
  /** To be answered at once. */
  | { readonly ping: true };

export interface WorkerTask {
  readonly id: number;
  readonly connectorId: string;
  /** The configuration with its secrets, as protobuf. */
  readonly config: Uint8Array;
  /** What to discover; undefined for a test. */
  readonly discovery: DiscoveryRequest | undefined;
  /** Its steps are to be reported. */
  readonly reportSteps: boolean;
  /** `process.hrtime.bigint()` at the test's end: one clock for all threads. */
  readonly endsAt: bigint;
}

/** Its responses, in lists. Messages travel as protobuf. */
export type WorkerResponse =
  | { readonly ready: true }
  | { readonly pong: true }
  /** A step that began or ended. */
  | { readonly id: number; readonly step: Uint8Array }
  /** A test wants to dial a target, and waits: it may, or it is cancelled. */
  | { readonly id: number; readonly acquire: string }
  | { readonly id: number; readonly outcome: SentOutcome }
  | { readonly id: number; readonly cancelled: true }
  /** An error that is no outcome: for the log. */
  | { readonly id: number; readonly defect: string };

export interface SentOutcome extends Omit<TestOutcome, "report"> {
  readonly report: Uint8Array;
  /** What a discovery found; empty after a test. */
  readonly page: { readonly resources: readonly Uint8Array[]; readonly nextCursor: string };
}
