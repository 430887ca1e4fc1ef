import type { Message } from "@bufbuild/protobuf";
import type { ConnectionProfile } from "../../gen/connectory/v1/connection_profile_pb.js";
import type { ConnectorConfig } from "../../gen/connectory/v1/connector_pb.js";
import type { Connector } from "../connectors/sdk/connector.ts";
import type { Actor } from "../interceptors/event-actor.ts";
import type { TestOutcome } from "../test-workers/probe/run-probe.ts";

/** The target of a live test. */
export interface TestTarget {
  readonly connector: Connector;
  /** Validated, with its secrets. */
  readonly config: Message;
  /** The configuration without its secrets. */
  readonly withoutSecrets: ConnectorConfig;
  /** The saved profile that is tested, with or without edits; undefined for an unsaved configuration. */
  readonly profile: ConnectionProfile | undefined;
  /** True when the request has edits of the saved profile. */
  readonly edited: boolean;
  /** The id of the profile that will be created if the test passes. Default: none. */
  readonly futureId?: string;
}

/** A completed test run; without an outcome it was cancelled. */
export interface TestRun {
  readonly kind: "test" | "live_validation" | "discovery";
  readonly outcome: TestOutcome | undefined;
}

/**
 * Records a test run: always as an audit event, and as `last_test` for the test of a saved profile without edits that has not
 * been written since.
 */
export type RecordTestRun = (caller: Actor, testTarget: TestTarget, testRun: TestRun) => Promise<void>;
