import type { DescService } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { VerifyToken } from "../auth/verify-token.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { accessLog } from "./access-log.ts";
import { authenticate } from "./authenticate.ts";
import { authorize } from "./authorize.ts";
import type { CallGate } from "./call-gate.ts";
import { limitAnswers } from "./limit-answers.ts";
import type { LoadShedder } from "./load-shedder.ts";
import { logMessages } from "./log-messages.ts";
import { mapErrors } from "./map-errors.ts";
import { measureCalls } from "./measure-calls.ts";
import { requestId } from "./request-id.ts";
import { trace } from "./trace.ts";
import { type CheckMessage, validate } from "./validate.ts";

/** What the interceptors work with. */
export interface InterceptorDeps {
  readonly log: Logger;
  readonly telemetry: Telemetry;
  readonly verifyToken: VerifyToken;
  readonly gate: CallGate;
  readonly shedder: LoadShedder;
  readonly services: readonly DescService[];
  readonly checkMessage: CheckMessage;
  /** The most bytes of one answer. */
  readonly maxMessageBytes: number;
}

/** The ways of a call through the service, each outermost first. */
export interface Interceptors {
  /** What every call passes through, whatever door it came by. */
  readonly call: readonly Interceptor[];
  /** Those that need the headers alone, for a door that reads the body only of calls that are let in. */
  readonly admission: readonly Interceptor[];
  /** Those of `admission` that decide; the others tell of it. */
  readonly access: readonly Interceptor[];
  /** Those that tell of a call, for one that ended before it could begin. */
  readonly report: readonly Interceptor[];
}

export function createInterceptors(deps: InterceptorDeps): Interceptors {
  const { log, telemetry, verifyToken, gate, shedder, services, checkMessage, maxMessageBytes } = deps;
  const { interceptor: measure, refusals } = measureCalls(telemetry.meter);
  const methods = services.flatMap((service) => service.methods);
  const report = [
    requestId, // first, so that every line and every error can name the call
    accessLog(log), // outside the trace, so that its line can name the span
    measure,
    trace(telemetry.tracer), // these three outside the error mapping, so that they see the status that the caller sees
  ];
  const access = [
    authenticate(verifyToken),
    authorize,
    shedder.admission, // after them: whose call it is decides whether it is one too many
  ];
  return {
    report,
    access,
    call: [
      ...report,
      mapErrors(log), // outside everything that may fail
      gate.interceptor, // before any work: a server that stops takes no more of it
      authenticate(verifyToken), // before authorization: who is it
      authorize, // before validation: a stranger learns nothing about our rules
      shedder.count, // what is refused is not counted, and what is counted was let in
      ...(log.isLevelEnabled("debug") ? [logMessages(log)] : []), // after them: a stranger's message is not even decoded
      validate(methods, checkMessage), // after all that looks at requests, so that a verb sees only well-formed ones
      limitAnswers(methods, maxMessageBytes), // last, so that all others see the refusal, and nothing of the answer
    ],
    admission: [
      requestId,
      accessLog(log, { refusalsOnly: true }),
      refusals,
      trace(telemetry.tracer, { refusalsOnly: true }),
      mapErrors(log),
      ...access,
    ],
  };
}
