import type { HandlerContext } from "@connectrpc/connect";
import { principalKey } from "../auth/principal.ts";
import { requestIdKey } from "./request-id.ts";
import { traceKey } from "./trace.ts";

/** The caller and the call of a write, as an event stores them. */
export interface Actor {
  readonly organizationId: string;
  readonly userId: string;
  readonly requestId: string;
  /** The trace context of the call: its own span, else the context that the caller sent; absent without one. */
  readonly traceparent?: string;
  readonly tracestate?: string;
}

/** Returns the actor of a running call. */
export function actorOf({ values }: Pick<HandlerContext, "values">): Actor {
  const { organizationId, userId } = values.get(principalKey);
  return { organizationId, userId, requestId: values.get(requestIdKey), ...values.get(traceKey) };
}
