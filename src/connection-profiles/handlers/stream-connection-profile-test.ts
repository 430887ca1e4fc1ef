import { EventEmitter, on } from "node:events";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import type {
  ConnectionProfileService,
  StreamConnectionProfileTestResponseSchema,
} from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { TestStage, TestStatus, type TestStep } from "../../../gen/connectory/v1/test_report_pb.js";
import { actorOf } from "../../interceptors/event-actor.ts";
import { type TestOutcome, unsupportedOutcome } from "../../test-workers/probe/run-probe.ts";
import type { RunLiveTest } from "../live-test/run-live-test.ts";
import type { ResolveTestTarget } from "../live-test/test-target.ts";

/** The maximum number of steps that wait for a slow reader; the stream drops further ones, the last message has all. */
const maxWaiting = 100;

/** TestConnectionProfile with each step streamed as it begins and ends. The test ends when the caller stops reading. */
export function streamConnectionProfileTest(deps: {
  resolveTestTarget: ResolveTestTarget;
  runLiveTest: RunLiveTest;
}): MethodImpl<typeof ConnectionProfileService.method.streamConnectionProfileTest> {
  return async function* (request, context) {
    const caller = actorOf(context);
    const testTarget = await deps.resolveTestTarget(caller, request);
    if (testTarget === undefined) return yield theEnd(unsupportedOutcome());

    const left = new AbortController();
    const signal = AbortSignal.any([context.signal, left.signal]);
    const stepEvents = new EventEmitter<{ step: [TestStep]; end: [] }>();
    const steps = on(stepEvents, "step", { close: ["end"] }) as AsyncIterable<[TestStep]>;
    let waiting = 0;
    const onStep = (step: TestStep) => {
      if (waiting >= maxWaiting) return;
      waiting++;
      stepEvents.emit("step", step);
    };
    const timeoutMs = () => context.timeoutMs();
    const outcome = deps
      .runLiveTest({ caller, testTarget, kind: "test", context: { signal, timeoutMs }, onStep })
      .finally(() => stepEvents.emit("end"));
    // A failure while the caller does not read is no unhandled rejection: it is awaited below.
    outcome.catch(() => undefined);
    try {
      for await (const [step] of steps) {
        waiting--;
        yield theStep(step);
      }
      yield theEnd(await outcome);
    } finally {
      // The test has no reader any more.
      left.abort();
      await outcome.catch(() => undefined);
    }
  };
}

type Answer = MessageInitShape<typeof StreamConnectionProfileTestResponseSchema>;

function theStep(step: TestStep): Answer {
  return { error: step.status === TestStatus.FAILED, message: sentence(step), step };
}

function theEnd({ error, message, report }: TestOutcome): Answer {
  return { error, done: true, message, report };
}

const doing: Readonly<Record<TestStage, string>> = {
  [TestStage.UNSPECIFIED]: "Trying",
  [TestStage.RESOLVE]: "Resolving the name",
  [TestStage.EGRESS]: "Asking whether it may be dialled",
  [TestStage.CONNECT]: "Connecting",
  [TestStage.TLS]: "Securing the connection",
  [TestStage.AUTHENTICATE]: "Logging in",
  [TestStage.AUTHORIZE]: "Asking for permission",
  [TestStage.CAPABILITY]: "Trying what only the right system can do",
};

const ended: Readonly<Record<TestStatus, string>> = {
  [TestStatus.UNSPECIFIED]: "",
  [TestStatus.RUNNING]: " …",
  [TestStatus.PASSED]: ": it works",
  [TestStatus.WARNING]: ": it works, but ",
  [TestStatus.FAILED]: ": ",
  [TestStatus.SKIPPED]: ": not needed",
  [TestStatus.NOT_EXECUTED]: ": not tried",
};

/** Returns a text such as `broker-1:9092: Connecting: nothing listens there`. */
function sentence({ stage, status, endpoint, hint, code }: TestStep): string {
  const where = endpoint === "" ? "" : `${endpoint}: `;
  const why = hint === "" ? "" : `${hint} (${code})`;
  return `${where}${doing[stage]}${ended[status]}${why}`;
}
