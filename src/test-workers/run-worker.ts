import { flushCompileCache } from "node:module";
import type { MessagePort } from "node:worker_threads";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DiscoveredResourceSchema } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { TestReportSchema, type TestStep, TestStepSchema } from "../../gen/connectory/v1/test_report_pb.js";
import { connectors, findConnector } from "../connectors/registry.ts";
import { createDialer } from "../egress/dialer.ts";
import { createEgressPolicy } from "../egress/egress-policy.ts";
import { describeUnexpectedError } from "./describe-unexpected-error.ts";
import { type AcquiredTargets, acquireTargets } from "./probe/acquire-targets.ts";
import { type DiscoveryOutcome, emptyPage, runDiscovery, runProbe } from "./probe/run-probe.ts";
import { sanitizeDiscovery } from "./probe/sanitize-discovery.ts";
import { createSecretScrubber } from "./probe/secret-scrubber.ts";
import type { SentOutcome, WorkerData, WorkerRequest, WorkerResponse, WorkerTask } from "./worker-protocol.ts";

/** The message loop of a worker thread: runs the requested tests and discoveries, all of them concurrently. */
export function runWorker(port: MessagePort, { egress, batchResponses }: WorkerData): void {
  const policy = createEgressPolicy(egress);
  const callers = new Map<number, AbortController>();
  const targets = new Map<number, AcquiredTargets>();
  const outbox: WorkerResponse[] = [];
  const send = () => port.postMessage(outbox.splice(0));
  const answer = (message: WorkerResponse) => {
    if (outbox.push(message) > 1) return;
    if (batchResponses) process.nextTick(send);
    else send();
  };

  const run = async ({ id, connectorId, config, discovery, reportSteps, endsAt }: WorkerTask) => {
    const caller = new AbortController();
    callers.set(id, caller);
    const acquired = acquireTargets((target) => answer({ id, acquire: target }));
    targets.set(id, acquired);
    try {
      const connector = findConnector(connectors, connectorId);
      if (connector === undefined) throw new Error(`there is no connector ${connectorId}`);
      const message = fromBinary(connector.config, config);
      const scrubber = createSecretScrubber(connector, message);
      const options = {
        connector,
        config: message,
        scrubber,
        dialer: createDialer({ policy, acquireTarget: acquired.acquire }),
        signal: caller.signal,
        deadlineMs: Math.max(1, Number(endsAt - process.hrtime.bigint()) / 1e6),
        onStep: (step: TestStep) => {
          if (reportSteps) answer({ id, step: toBinary(TestStepSchema, step) });
        },
      };
      const outcome =
        discovery === undefined
          ? { ...(await runProbe(options)), page: emptyPage }
          : sanitizeDiscovery(connector, discovery.pageSize, await runDiscovery({ ...options, discovery }), scrubber);
      answer({ id, outcome: toSent(outcome) });
    } catch (error) {
      if (caller.signal.aborted) answer({ id, cancelled: true });
      else answer({ id, unexpectedError: describeUnexpectedError(error) });
    } finally {
      callers.delete(id);
      targets.delete(id);
      if (callers.size === 0) flushCompileCache();
    }
  };

  port.on("message", (order: WorkerRequest) => {
    if ("ping" in order) answer({ pong: true });
    else if ("acquired" in order) targets.get(order.id)?.granted(order.acquired);
    else if ("cancel" in order) callers.get(order.cancel)?.abort();
    else void run(order.run);
  });
  answer({ ready: true });
  // A worker is terminated without notice, so the compile cache is written now.
  flushCompileCache();
}

function toSent({ error, message, report, page }: DiscoveryOutcome): SentOutcome {
  const resources = page.resources.map((resource) =>
    toBinary(DiscoveredResourceSchema, create(DiscoveredResourceSchema, resource)),
  );
  return { error, message, report: toBinary(TestReportSchema, report), page: { ...page, resources } };
}
