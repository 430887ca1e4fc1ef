import type { Message } from "@bufbuild/protobuf";
import { type TestReport, TestStatus } from "../../gen/connectory/v1/test_report_pb.js";
import type { Dialer } from "../egress/create-dialer.ts";
import { type Connector, type Probe, ProbeError } from "./connector.ts";
import { createRecorder, plannedStages, type Recorder } from "./create-recorder.ts";
import { openEndpoint } from "./open-endpoint.ts";

/** How a live test ended. */
export interface TestOutcome {
  /** The system could not be used as configured. */
  readonly error: boolean;
  /** The outcome in a sentence. */
  readonly message: string;
  readonly report: TestReport;
}

export interface RunTestOptions {
  readonly connector: Connector;
  /** A valid configuration with its secrets. */
  readonly config: Message;
  readonly dialer: Dialer;
  /** The caller: when it aborts the test ends, and so does the promise, with the signal's reason. */
  readonly signal: AbortSignal;
  /** The test's own end, in milliseconds. */
  readonly deadlineMs: number;
}

/** Runs a connector's test. When the promise settles every socket that the test opened is destroyed. */
export async function runTest({ connector, config, dialer, signal, deadlineMs }: RunTestOptions): Promise<TestOutcome> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), deadlineMs);
  const testSignal = AbortSignal.any([signal, stop.signal]);
  const recorder = createRecorder(testSignal);
  const { report } = recorder;
  if (connector.test === undefined) {
    clearTimeout(timer);
    recorder.notExecuted(plannedStages, "NOT_SUPPORTED");
    return { error: false, message: "This connector does not support testing", report };
  }
  const { step, skip, forgive, fact } = recorder;
  const open: Probe["open"] = (endpoint) =>
    openEndpoint(endpoint, { dialer, recorder, signal: testSignal, deadlineMs });
  try {
    await connector.test(config, { signal: testSignal, deadlineMs, step, skip, forgive, fact, open });
    return { error: false, message: `${connector.name} answered at ${connector.describe(config)}`, report };
  } catch (error) {
    signal.throwIfAborted();
    // Only what a step has recorded is an outcome of the test; anything else is a defect of ours.
    if (!(error instanceof ProbeError)) throw error;
    return { error: true, message: failureMessage(connector, recorder, error), report };
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

function failureMessage(connector: Connector, { report, notExecuted }: Recorder, error: ProbeError): string {
  notExecuted(
    plannedStages.filter((stage) => !report.steps.some((step) => step.stage === stage)),
    "NOT_REACHED",
  );
  const failed = report.steps.find((step) => step.status === TestStatus.FAILED);
  const where = failed === undefined || failed.endpoint === "" ? "" : ` at ${failed.endpoint}`;
  return `${connector.name} cannot be used${where}: ${failed?.hint ?? error.hint} (${failed?.code ?? error.code})`;
}
