import { flushCompileCache } from "node:module";
import type { MessagePort } from "node:worker_threads";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DiscoveredResourceSchema } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { TestReportSchema, type TestStep, TestStepSchema } from "../../gen/connectory/v1/test_report_pb.js";
import { createDialer } from "../egress/create-dialer.ts";
import { createEgressPolicy } from "../egress/egress-policy.ts";
import { type AcquiredTargets, acquireTargets } from "./acquire-targets.ts";
import { createConcealer } from "./create-concealer.ts";
import { describeDefect } from "./describe-defect.ts";
import { connectors, findConnector } from "./index.ts";
import { type DiscoveryOutcome, emptyPage, runDiscovery, runTest } from "./run-test.ts";
import { tidyDiscovery } from "./tidy-discovery.ts";
import type {
  SentOutcome,
  TestThreadAnswer,
  TestThreadData,
  TestThreadOrder,
  TestThreadTask,
} from "./worker-protocol.ts";

/** The work of a test thread: runs the tests and discoveries that it is told to, any number at a time. */
export function serveTests(port: MessagePort, { egress, gathers }: TestThreadData): void {
  const policy = createEgressPolicy(egress);
  const callers = new Map<number, AbortController>();
  const targets = new Map<number, AcquiredTargets>();
  const waiting: TestThreadAnswer[] = [];
  const send = () => port.postMessage(waiting.splice(0));
  const answer = (message: TestThreadAnswer) => {
    if (waiting.push(message) > 1) return;
    if (gathers) process.nextTick(send);
    else send();
  };

  const run = async ({ id, connectorId, config, question, tellsSteps, endsAt }: TestThreadTask) => {
    const caller = new AbortController();
    callers.set(id, caller);
    const acquired = acquireTargets((target) => answer({ id, acquire: target }));
    targets.set(id, acquired);
    try {
      const connector = findConnector(connectors, connectorId);
      if (connector === undefined) throw new Error(`there is no connector ${connectorId}`);
      const whole = fromBinary(connector.config, config);
      const concealer = createConcealer(connector, whole);
      const options = {
        connector,
        config: whole,
        concealer,
        dialer: createDialer({ policy, acquireTarget: acquired.acquire }),
        signal: caller.signal,
        deadlineMs: Math.max(1, Number(endsAt - process.hrtime.bigint()) / 1e6),
        onStep: (step: TestStep) => {
          if (tellsSteps) answer({ id, step: toBinary(TestStepSchema, step) });
        },
      };
      const outcome =
        question === undefined
          ? { ...(await runTest(options)), page: emptyPage }
          : tidyDiscovery(connector, question.pageSize, await runDiscovery({ ...options, question }), concealer);
      answer({ id, outcome: toSent(outcome) });
    } catch (error) {
      if (caller.signal.aborted) answer({ id, cancelled: true });
      else answer({ id, defect: describeDefect(error) });
    } finally {
      callers.delete(id);
      targets.delete(id);
      if (callers.size === 0) flushCompileCache();
    }
  };

  port.on("message", (order: TestThreadOrder) => {
    if ("ping" in order) answer({ pong: true });
    else if ("acquired" in order) targets.get(order.id)?.granted(order.acquired);
    else if ("cancel" in order) callers.get(order.cancel)?.abort();
    else void run(order.run);
  });
  answer({ ready: true });
  // A thread is ended without a word, and would take what it has compiled with it.
  flushCompileCache();
}

function toSent({ error, message, report, page }: DiscoveryOutcome): SentOutcome {
  const resources = page.resources.map((resource) =>
    toBinary(DiscoveredResourceSchema, create(DiscoveredResourceSchema, resource)),
  );
  return { error, message, report: toBinary(TestReportSchema, report), page: { ...page, resources } };
}
