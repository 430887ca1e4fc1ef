import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { KafkaConfigSchema } from "../../gen/connectory/v1/kafka_config_pb.js";
import { PostgresConfigSchema } from "../../gen/connectory/v1/postgres_config_pb.js";
import { TestStage, TestStatus } from "../../gen/connectory/v1/test_report_pb.js";
import { connectors, findConnector } from "../../src/connectors/registry.ts";
import type { DiscoveryRequest } from "../../src/connectors/sdk/connector.ts";
import { type ProbeOptions, runDiscovery, runProbe, type TestOutcome } from "../../src/test-workers/probe/run-probe.ts";
import { endedByDeadline } from "../support/ended-by-deadline.ts";
import { localDialer } from "./local-server.ts";

/** A deadline that does not come: who waits for TIMED_OUT sets one. */
const defaults = { dialer: localDialer, signal: new AbortController().signal, deadlineMs: 600_000 };

export function runKafkaTest(init: MessageInitShape<typeof KafkaConfigSchema>, options: Partial<ProbeOptions> = {}) {
  const config = create(KafkaConfigSchema, init);
  return runProbe({ connector: connectors.kafka, config, ...defaults, ...options });
}

export function runPostgresTest(
  init: MessageInitShape<typeof PostgresConfigSchema>,
  options: Partial<ProbeOptions> = {},
) {
  const config = create(PostgresConfigSchema, init);
  return runProbe({ connector: connectors.postgres, config, ...defaults, ...options });
}

type Registry = typeof connectors;
type Init<Id extends keyof Registry> = MessageInitShape<Registry[Id]["config"]>;

/** Runs the test of any connector in this thread, with a dialer that may dial this machine. */
export function tryConnector<Id extends keyof Registry>(id: Id, init: Init<Id>, options: Partial<ProbeOptions> = {}) {
  return runProbe({ ...withConfig(id, init), ...defaults, ...options });
}

/** The same for its discovery. */
export function discoverWith<Id extends keyof Registry>(
  id: Id,
  init: Init<Id>,
  request: Partial<DiscoveryRequest> = {},
  options: Partial<ProbeOptions> = {},
) {
  const discovery = { parent: "", pageSize: 50, cursor: "", ...request };
  return runDiscovery({ ...withConfig(id, init), ...defaults, ...options, discovery });
}

function withConfig<Id extends keyof Registry>(id: Id, init: Init<Id>) {
  const connector = findConnector(connectors, id);
  if (connector === undefined) throw new Error(`there is no connector ${id}`);
  return { connector, config: create<DescMessage>(connector.config, init as MessageInitShape<DescMessage>) };
}

/** The steps as `STAGE STATUS CODE`, in short. */
export function steps({ report }: TestOutcome): string[] {
  return report.steps.map(({ stage, status, code }) => `${TestStage[stage]} ${TestStatus[status]} ${code}`);
}

/** The first step that failed. */
export function failure({ report }: TestOutcome) {
  return report.steps.find(({ status }) => status === TestStatus.FAILED);
}

/**
 * Runs a test that its deadline ends, again with a longer one while this machine was too busy for it to get to a stage: a step
 * there has failed. Fails no test by itself.
 */
export function endedIn(
  stage: keyof typeof TestStage,
  run: (deadlineMs: number) => Promise<TestOutcome>,
): Promise<TestOutcome> {
  return endedByDeadline(run, (outcome) => failure(outcome)?.stage === TestStage[stage]);
}

/** Whether the worker of the test had to be terminated: one that reaches its deadline before the target's bytes ends by itself. */
export function isTerminated(outcome: TestOutcome): boolean {
  return failure(outcome)?.hint.includes("the test had to be ended") === true;
}
