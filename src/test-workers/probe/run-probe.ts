import { create, type Message } from "@bufbuild/protobuf";
import {
  type TestReport,
  TestReportSchema,
  TestStatus,
  type TestStep,
} from "../../../gen/connectory/v1/test_report_pb.js";
import {
  type Connector,
  type DiscoveredPage,
  type DiscoveryRequest,
  type Probe,
  ProbeError,
} from "../../connectors/sdk/connector.ts";
import type { Dialer } from "../../egress/dialer.ts";
import { openEndpoint } from "./open-endpoint.ts";
import { createProbeRecorder, plannedStages, stepsNotExecuted } from "./probe-recorder.ts";
import { createSecretScrubber, type SecretScrubber } from "./secret-scrubber.ts";

/** The outcome of a live test. */
export interface TestOutcome {
  /** True when the system cannot be used as configured. */
  readonly error: boolean;
  /** The outcome in a sentence. */
  readonly message: string;
  readonly report: TestReport;
}

/** The options of `runProbe`. */
export interface ProbeOptions {
  readonly connector: Connector;
  /** A valid configuration with its secrets. */
  readonly config: Message;
  readonly dialer: Dialer;
  /** The caller's signal: when it aborts, the test ends and the promise rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** The time limit of the test, in milliseconds. */
  readonly deadlineMs: number;
  /** The scrubber of the configuration's secrets. Default: a new one. */
  readonly scrubber?: SecretScrubber;
  /** Called with every step when it begins and when it ends. Default: none. */
  onStep?(step: TestStep): void;
}

/**
 * Runs a connector's test and returns its outcome. Every socket of the test is destroyed when the promise settles. Rejects with
 * the signal's reason, and with any error that is not a ProbeError, which is a defect of this service.
 */
export async function runProbe(options: ProbeOptions): Promise<TestOutcome> {
  const { connector, config } = options;
  if (connector.test === undefined) return unsupportedOutcome();
  return attempt(options, async (probe) => connector.test?.(config, probe));
}

/** The outcome of a discovery; `page` is empty when the system cannot be used. */
export interface DiscoveryOutcome extends TestOutcome {
  readonly page: DiscoveredPage;
}

/** The page of a discovery that found nothing. */
export const emptyPage: DiscoveredPage = { resources: [], nextCursor: "" };

/** Runs a connector's discovery and returns its outcome. Sockets and errors as in `runProbe`. */
export async function runDiscovery(options: ProbeOptions & { discovery: DiscoveryRequest }): Promise<DiscoveryOutcome> {
  const { connector, config, discovery } = options;
  let page = emptyPage;
  const outcome = await attempt(options, async (probe) => {
    if (connector.discover !== undefined) page = await connector.discover(config, probe, discovery);
  });
  return { ...outcome, page };
}

async function attempt(options: ProbeOptions, work: (probe: Probe) => Promise<void>): Promise<TestOutcome> {
  const { connector, config, dialer, signal, deadlineMs, onStep } = options;
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), deadlineMs);
  const testSignal = AbortSignal.any([signal, stop.signal]);
  const { scrubber = createSecretScrubber(connector, config) } = options;
  const recorder = createProbeRecorder(testSignal, scrubber, onStep);
  const { addSecret } = scrubber;
  const { report, step, skip, downgradeToWarning, fact } = recorder;
  const open: Probe["open"] = (endpoint) =>
    openEndpoint(endpoint, { dialer, recorder, signal: testSignal, deadlineMs });
  try {
    await work({ signal: testSignal, deadlineMs, step, skip, downgradeToWarning, fact, addSecret, open });
    return { error: false, message: `${connector.name} answered at ${connector.describe(config)}`, report };
  } catch (error) {
    signal.throwIfAborted();
    // Only a recorded ProbeError is an outcome of the test; any other error is a defect of this service.
    if (!(error instanceof ProbeError)) throw error;
    return failedOutcome(connector, report, error);
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

/** Returns the outcome for a connector without a test. */
export function unsupportedOutcome(): TestOutcome {
  const report = create(TestReportSchema, { steps: stepsNotExecuted(plannedStages, "NOT_SUPPORTED") });
  return { error: false, message: "This connector does not support testing", report };
}

/** Returns the outcome of a failed test, and adds the unreached stages to its report. */
export function failedOutcome(connector: Connector, report: TestReport, error: ProbeError): TestOutcome {
  const unreached = plannedStages.filter((stage) => !report.steps.some((step) => step.stage === stage));
  report.steps.push(...stepsNotExecuted(unreached, "NOT_REACHED"));
  const failed = report.steps.find((step) => step.status === TestStatus.FAILED);
  const where = failed === undefined || failed.endpoint === "" ? "" : ` at ${failed.endpoint}`;
  const message = `${connector.name} cannot be used${where}: ${failed?.hint ?? error.hint} (${failed?.code ?? error.code})`;
  return { error: true, message, report };
}
