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

/** The dependencies of the interceptors. */
export interface InterceptorDeps {
  readonly log: Logger;
  readonly telemetry: Telemetry;
  readonly verifyToken: VerifyToken;
  readonly drain: Drain;
  readonly shedder: LoadShedder;
  readonly services: readonly DescService[];
  readonly checkMessage: CheckMessage;
  /** The maximum size of a response message in bytes. */
  readonly maxMessageBytes: number;
}

/** The interceptor chains of a call, each outermost first. */
export interface Interceptors {
  /** The chain of every call of every protocol. */
  readonly call: readonly Interceptor[];
  /** The interceptors that need only the headers, for a protocol that reads the body after authorization. */
  readonly preBody: readonly Interceptor[];
  /** The interceptors of `preBody` that decide; the others log and measure. */
  readonly access: readonly Interceptor[];
  /** The interceptors that log and measure, for a call that ended before it started. */
  readonly observe: readonly Interceptor[];
}

/** Creates the chains; the comments give the reason for each position. */
export function createInterceptors(deps: InterceptorDeps): Interceptors {
  const { log, telemetry, verifyToken, drain, shedder, services, checkMessage, maxMessageBytes } = deps;
  const { interceptor: measure, rejectedOnly } = measureCalls(telemetry.meter);
  const methods = services.flatMap((service) => service.methods);
  const observe = [
    requestId, // first, so that every log line and error has the id
    accessLog(log), // outside the trace, so that its line has the trace id
    measure,
    trace(telemetry.tracer), // these three outside the error mapping, so that they see the caller's status
  ];
  const access = [
    authenticate(verifyToken),
    authorize,
    shedder.admission, // after them: the limit depends on the organization
  ];
  return {
    observe,
    access,
    call: [
      ...observe,
      mapErrors(log), // outside everything that may fail
      drain.interceptor, // before any work: a stopping server accepts no calls
      authenticate(verifyToken), // before authorization, which needs the principal
      authorize, // before validation: an unauthenticated caller learns nothing about the rules
      shedder.count, // counts authorized calls only
      ...(log.isLevelEnabled("debug") ? [logMessages(log)] : []), // after access: messages of unauthenticated callers are not decoded
      validate(methods, checkMessage), // after all others that read requests, so that a handler gets only valid ones
      limitResponseSize(methods, maxMessageBytes), // last, so that all others see the error in place of the response
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
