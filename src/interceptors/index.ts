import type { DescService } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { VerifyToken } from "../auth/verify-token.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { accessLog } from "./access-log.ts";
import { authenticate } from "./authenticate.ts";
import { authorize } from "./authorize.ts";
import { measureCalls } from "./call-metrics.ts";
import type { Drain } from "./drain.ts";
import type { LoadShedder } from "./load-shedding/load-shedder.ts";
import { logMessages } from "./log-messages.ts";
import { mapErrors } from "./map-errors.ts";
import { requestId } from "./request-id.ts";
import { limitResponseSize } from "./response-size/limit-response-size.ts";
import { trace } from "./trace.ts";
import { type CheckMessage, validate } from "./validate.ts";

/** What the interceptors work with. */
export interface InterceptorDeps {
  readonly log: Logger;
  readonly telemetry: Telemetry;
  readonly verifyToken: VerifyToken;
  readonly drain: Drain;
  readonly shedder: LoadShedder;
  readonly services: readonly DescService[];
  readonly checkMessage: CheckMessage;
  /** The most bytes of one answer. */
  readonly maxMessageBytes: number;
}

/** The interceptor chains of a call, each outermost first. */
export interface Interceptors {
  /** Those of every call, whatever its protocol. */
  readonly call: readonly Interceptor[];
  /** Those that need the headers alone, for a protocol that reads the body only of calls that are let in. */
  readonly preBody: readonly Interceptor[];
  /** Those of `preBody` that decide; the others log and measure. */
  readonly access: readonly Interceptor[];
  /** Those that log and measure a call, for one that ended before it could begin. */
  readonly observe: readonly Interceptor[];
}

export function createInterceptors(deps: InterceptorDeps): Interceptors {
  const { log, telemetry, verifyToken, drain, shedder, services, checkMessage, maxMessageBytes } = deps;
  const { interceptor: measure, rejectedOnly } = measureCalls(telemetry.meter);
  const methods = services.flatMap((service) => service.methods);
  const observe = [
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
    observe,
    access,
    call: [
      ...observe,
      mapErrors(log), // outside everything that may fail
      drain.interceptor, // before any work: a server that stops takes no more of it
      authenticate(verifyToken), // before authorization: who is it
      authorize, // before validation: an unauthenticated caller learns nothing about the rules
      shedder.count, // what is refused is not counted, and what is counted was let in
      ...(log.isLevelEnabled("debug") ? [logMessages(log)] : []), // after them: the message of an unauthenticated caller is not decoded
      validate(methods, checkMessage), // after all that looks at requests, so that a handler sees only well-formed ones
      limitResponseSize(methods, maxMessageBytes), // last, so that all others see the refusal, and nothing of the answer
    ],
    preBody: [
      requestId,
      accessLog(log, { rejectedOnly: true }),
      rejectedOnly,
      trace(telemetry.tracer, { rejectedOnly: true }),
      mapErrors(log),
      ...access,
    ],
  };
}
