import type { DiscoveryRequest } from "../connectors/sdk/connector.ts";
import type { EgressPolicyOptions } from "../egress/egress-policy.ts";
import type { TestOutcome } from "./probe/run-probe.ts";

/** The data that a worker is started with. */
export interface WorkerData {
  readonly egress: EgressPolicyOptions;
  /**
   * True: the responses of one turn of the event loop are sent as one message, which costs both threads less. False: each
   * response is sent at once, so that the last step before a termination is known.
   */
  readonly batchResponses: boolean;
}

/** A request to a worker. */
export type WorkerRequest =
  | { readonly run: WorkerTask }
  | { readonly cancel: number }
  /** Permission for a test to dial the requested target. */
  | { readonly acquired: string; readonly id: number }
  /** A request for an immediate `pong`. */
  | { readonly ping: true };

/** The request of one test or discovery. */
export interface WorkerTask {
  readonly id: number;
  readonly connectorId: string;
  /** The configuration with its secrets, as protobuf. */
  readonly config: Uint8Array;
  /** The request of a discovery; undefined for a test. */
  readonly discovery: DiscoveryRequest | undefined;
  /** True when the steps must be reported. */
  readonly reportSteps: boolean;
  /** The deadline of the test as a `process.hrtime.bigint()`, a clock that all threads share. */
  readonly endsAt: bigint;
}

/** A response of a worker; sent in arrays. Messages are encoded as protobuf. */
export type WorkerResponse =
  | { readonly ready: true }
  | { readonly pong: true }
  /** A step that began or ended. */
  | { readonly id: number; readonly step: Uint8Array }
  /** A test waits to dial a target, for permission or cancellation. */
  | { readonly id: number; readonly acquire: string }
  | { readonly id: number; readonly outcome: SentOutcome }
  | { readonly id: number; readonly cancelled: true }
  /** An unexpected error, for the log. */
  | { readonly id: number; readonly unexpectedError: string };

/** An outcome with its messages encoded as protobuf. */
export interface SentOutcome extends Omit<TestOutcome, "report"> {
  readonly report: Uint8Array;
  /** The page of a discovery; empty after a test. */
  readonly page: { readonly resources: readonly Uint8Array[]; readonly nextCursor: string };
}
