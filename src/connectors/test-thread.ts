import { parentPort, workerData } from "node:worker_threads";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { TestReportSchema } from "../../gen/connectory/v1/test_report_pb.js";
import { createDialer } from "../egress/create-dialer.ts";
import { createEgressPolicy, type EgressPolicyOptions } from "../egress/egress-policy.ts";
import { connectors, findConnector } from "./index.ts";
import { runTest, type TestOutcome } from "./run-test.ts";

/** What a test thread is told. */
export type TestThreadOrder =
  | {
      readonly run: {
        readonly id: number;
        readonly connectorId: string;
        /** The configuration with its secrets, as protobuf. */
        readonly config: Uint8Array;
        /** `process.hrtime.bigint()` at the test's end: one clock for all threads. */
        readonly endsAt: bigint;
      };
    }
  | { readonly cancel: number };

/** What it answers. Reports travel as protobuf. */
export type TestThreadAnswer =
  | { readonly ready: true }
  | { readonly id: number; readonly progress: Uint8Array }
  | { readonly id: number; readonly outcome: Omit<TestOutcome, "report"> & { readonly report: Uint8Array } }
  | { readonly id: number; readonly cancelled: true }
  /** An error that is no outcome: for the log. */
  | { readonly id: number; readonly defect: string };

if (parentPort === null) throw new Error("test-thread.ts is started as a worker thread, by start-test-thread.ts");
const port = parentPort;
const dialer = createDialer({ policy: createEgressPolicy(workerData as EgressPolicyOptions) });
const callers = new Map<number, AbortController>();

port.on("message", (order: TestThreadOrder) => {
  if ("cancel" in order) callers.get(order.cancel)?.abort();
  else void run(order.run);
});
answer({ ready: true });

async function run({ id, connectorId, config, endsAt }: Extract<TestThreadOrder, { run: unknown }>["run"]) {
  const caller = new AbortController();
  callers.set(id, caller);
  try {
    const connector = findConnector(connectors, connectorId);
    if (connector === undefined) throw new Error(`there is no connector ${connectorId}`);
    const { report, ...outcome } = await runTest({
      connector,
      config: fromBinary(connector.config, config),
      dialer,
      signal: caller.signal,
      deadlineMs: Math.max(1, Number(endsAt - process.hrtime.bigint()) / 1e6),
      onProgress: (progress) => answer({ id, progress: toBinary(TestReportSchema, progress) }),
    });
    answer({ id, outcome: { ...outcome, report: toBinary(TestReportSchema, report) } });
  } catch (error) {
    if (caller.signal.aborted) answer({ id, cancelled: true });
    else answer({ id, defect: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  } finally {
    callers.delete(id);
  }
}

function answer(message: TestThreadAnswer): void {
  port.postMessage(message);
}
