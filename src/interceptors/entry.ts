import { type ContextKey, createContextKey } from "@connectrpc/connect";

/** The ways in, by their protocols. */
export type Door = "grpc" | "connect" | "grpc-web" | "rest" | "mcp";

/** How a call came in. */
export interface Entry {
  readonly door: Door;
  /** The address that the bytes come from: the caller's, or that of a proxy in front. */
  readonly peer: string | undefined;
  /** Of the request as it came, where that is known. */
  readonly bytes: number | undefined;
  /** It has waited so long to be begun that it is to be refused before work is done for it. */
  readonly late?: boolean;
  /** Set once somebody sees to it that the call has its line in the log, so that it has one and not two. */
  told: boolean;
  /**
   * Ends a stream of answers whose caller does not read: what was not sent yet is lost. Does nothing once all was sent.
   * Undefined where answers do not wait for their reader.
   */
  readonly reset?: (() => void) | undefined;
}

/** Set by each door; a call that came by none was made inside this process. */
export const entryKey: ContextKey<Entry | undefined> = createContextKey<Entry | undefined>(undefined, {
  description: "entry",
});
