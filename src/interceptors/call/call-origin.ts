import { type ContextKey, createContextKey } from "@connectrpc/connect";

/** The protocol of a call. */
export type CallProtocol = "grpc" | "connect" | "grpc-web" | "rest" | "mcp";

/** Where a call came from. */
export interface CallOrigin {
  readonly protocol: CallProtocol;
  /** The address that the bytes come from: the caller's, or that of a proxy in front. */
  readonly peer: string | undefined;
  /** Of the request as it came, where that is known. */
  readonly bytes: number | undefined;
  /** It has waited so long to be begun that it is to be refused before work is done for it. */
  readonly late?: boolean;
  /** Set once the access log line of the call is written or certain to be, so that it has one and not two. */
  logged: boolean;
  /**
   * Ends a stream of answers whose caller does not read: what was not sent yet is lost. Does nothing once all was sent.
   * Undefined where answers do not wait for their reader.
   */
  readonly reset?: (() => void) | undefined;
}

/** Set by each protocol; a call without one was made inside this process. */
export const originKey: ContextKey<CallOrigin | undefined> = createContextKey<CallOrigin | undefined>(undefined, {
  description: "call origin",
});
