import type { HandlerContext } from "@connectrpc/connect";
import { principalKey } from "../auth/principal.ts";
import { requestIdKey } from "./request-id.ts";
import { traceKey } from "./trace.ts";

/** Who writes, and in which call: what an event keeps of it. */
export interface Actor {
  readonly organizationId: string;
  readonly userId: string;
  readonly requestId: string;
  /** Where in which trace the call is, if it is in one: in a span of its own, or else where its caller says. */
  readonly traceparent?: string;
  readonly tracestate?: string;
}

/** The caller of a running call. */
export function actorOf({ values }: Pick<HandlerContext, "values">): Actor {
  const { organizationId, userId } = values.get(principalKey);
  return { organizationId, userId, requestId: values.get(requestIdKey), ...values.get(traceKey) };
}
