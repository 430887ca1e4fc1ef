import type { Message } from "@bufbuild/protobuf";
import type { ConnectionProfile } from "../../gen/connectory/v1/connection_profile_pb.js";
import type { ConnectorConfig } from "../../gen/connectory/v1/connector_pb.js";
import type { Connector } from "../connectors/sdk/connector.ts";
import type { Actor } from "../interceptors/event-actor.ts";
import type { TestOutcome } from "../test-workers/probe/run-probe.ts";

/** What a request means to try. */
export interface TestTarget {
  readonly connector: Connector;
  /** Valid, with its secrets. */
  readonly config: Message;
  /** The same without its secrets. */
  readonly bare: ConnectorConfig;
  /** The saved one, when it is one or is based on one. */
  readonly profile: ConnectionProfile | undefined;
  /** Edits were laid over it. */
  readonly edited: boolean;
  /** The id that a profile will have when this works. */
  readonly futureId?: string;
}

/** A test run that has ended; without an outcome it was cancelled. */
export interface TestRun {
  readonly kind: "test" | "live_validation" | "discovery";
  readonly outcome: TestOutcome | undefined;
}

/**
 * Keeps what must be kept of a test run: the audit event always, and `last_test` for the test of a saved profile without edits
 * that has not been written since.
 */
export type RecordTestRun = (caller: Actor, testTarget: TestTarget, testRun: TestRun) => Promise<void>;
