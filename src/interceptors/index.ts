import type { DescService } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { VerifyToken } from "../auth/verify-token.ts";
import { accessLog } from "./access-log.ts";
import { authenticate } from "./authenticate.ts";
import { authorize } from "./authorize.ts";
import type { CallGate } from "./call-gate.ts";
import { mapErrors } from "./map-errors.ts";
import { requestId } from "./request-id.ts";
import { type CheckMessage, validate } from "./validate.ts";

/** What the interceptors work with. */
export interface InterceptorDeps {
  readonly log: Logger;
  readonly verifyToken: VerifyToken;
  readonly gate: CallGate;
  readonly services: readonly DescService[];
  readonly checkMessage: CheckMessage;
}

/** What every call passes through, outermost first, whatever door it came by. */
export function createInterceptors({ log, verifyToken, gate, services, checkMessage }: InterceptorDeps): Interceptor[] {
  return [
    requestId, // first, so that every line and every error can name the call
    accessLog(log), // outside the error mapping, so that it sees the status that the caller sees
    mapErrors(log), // outside everything that may fail
    gate.interceptor, // before any work: a server that stops takes no more of it
    authenticate(verifyToken), // before authorization: who is it
    authorize, // before validation: a stranger learns nothing about our rules
    validate(
      services.flatMap((service) => service.methods),
      checkMessage,
    ), // last, so that a verb sees only well-formed requests
  ];
}

/** Those that need the headers alone, for a door that reads the body only of calls that are let in. */
export function createAdmissionInterceptors({ log, verifyToken }: InterceptorDeps): Interceptor[] {
  return [requestId, accessLog(log, { refusalsOnly: true }), mapErrors(log), authenticate(verifyToken), authorize];
}
