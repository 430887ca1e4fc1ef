import { type ContextKey, createContextKey } from "@connectrpc/connect";

/** The protocol that a caller used. */
export type CallProtocol = "grpc" | "connect" | "grpc-web" | "rest" | "mcp";

/** The origin of a call. */
export interface CallOrigin {
  readonly protocol: CallProtocol;
  /** The remote address: the caller's, or that of a proxy. */
  readonly peer: string | undefined;
  /** The size of the received request in bytes; undefined when unknown. */
  readonly bytes: number | undefined;
  /** The call has waited too long to start and is refused before work is done for it. Default: false. */
  readonly late?: boolean;
  /** True once the access log line of the call is written or certain to be written, so that there is only one. */
  logged: boolean;
  /**
   * Ends a response stream whose caller does not read; unsent data is lost. No effect after everything is sent. Undefined for
   * responses that do not wait for their reader.
   */
  readonly reset?: (() => void) | undefined;
}

/** Set by each protocol; undefined for a call made inside this process. */
export const originKey: ContextKey<CallOrigin | undefined> = createContextKey<CallOrigin | undefined>(undefined, {
  description: "call origin",
});
