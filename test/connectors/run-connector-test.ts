import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { KafkaConfigSchema } from "../../gen/connectory/v1/kafka_config_pb.js";
import { PostgresConfigSchema } from "../../gen/connectory/v1/postgres_config_pb.js";
import { TestStage, TestStatus } from "../../gen/connectory/v1/test_report_pb.js";
import { connectors } from "../../src/connectors/index.ts";
import { type RunTestOptions, runTest, type TestOutcome } from "../../src/connectors/run-test.ts";
import { localDialer } from "./local-server.ts";

const defaults = { dialer: localDialer, signal: new AbortController().signal, deadlineMs: 10_000 };

export function runKafkaTest(init: MessageInitShape<typeof KafkaConfigSchema>, options: Partial<RunTestOptions> = {}) {
  const config = create(KafkaConfigSchema, init);
  return runTest({ connector: connectors.kafka, config, ...defaults, ...options });
}

export function runPostgresTest(
  init: MessageInitShape<typeof PostgresConfigSchema>,
  options: Partial<RunTestOptions> = {},
) {
  const config = create(PostgresConfigSchema, init);
  return runTest({ connector: connectors.postgres, config, ...defaults, ...options });
}

/** The steps as `STAGE STATUS CODE`, in short. */
export function steps({ report }: TestOutcome): string[] {
  return report.steps.map(({ stage, status, code }) => `${TestStage[stage]} ${TestStatus[status]} ${code}`);
}

/** The first step that failed. */
export function failure({ report }: TestOutcome) {
  return report.steps.find(({ status }) => status === TestStatus.FAILED);
}
