import type { HandlerContext } from "@connectrpc/connect";
import { principalKey } from "../auth/principal.ts";
import { requestIdKey } from "./request-id.ts";

/** Who writes, and in which call: what an event keeps of it. */
export interface Caller {
  readonly organizationId: string;
  readonly userId: string;
  readonly requestId: string;
  /** The caller's W3C trace context, when it sent one. */
  readonly traceparent?: string;
}

const traceparentPattern = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The caller of a running call. */
export function callerOf({ values, requestHeader }: Pick<HandlerContext, "values" | "requestHeader">): Caller {
  const { organizationId, userId } = values.get(principalKey);
  const traceparent = requestHeader.get("traceparent") ?? "";
  return {
    organizationId,
    userId,
    requestId: values.get(requestIdKey),
    ...(traceparentPattern.test(traceparent) ? { traceparent } : {}),
  };
}
