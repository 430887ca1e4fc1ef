import { type CallLimiter, type CallLimits, createCallLimiter } from "../admission/call-limits.ts";
import type { PublicCallLimits } from "./limit-public-calls.ts";

/** The limits of calls of the gRPC port. */
export interface GrpcLimits {
  /** Calls during authentication, by address. */
  readonly authenticating: CallLimiter;
  /** Authenticated calls with an incomplete request, by organization. */
  readonly halfOpen: CallLimiter;
  /** Calls of health and reflection, which need no token, by address. */
  readonly open: PublicCallLimits;
  /** Stops the timers of all limiters. */
  stop(): void;
}

/** Limits of calls that may not decompress and hold at most 64 KiB each. */
const small = { bytes: 0, bytesPerCaller: 0, inflating: 0, inflatingPerCaller: 0 };

const timeoutMs = 30_000;

/** Creates the limits. `maxMessageBytes` is the maximum size of a message in bytes; the byte limits are multiples of it. */
export function createGrpcLimits(maxMessageBytes: number): GrpcLimits {
  const halfOpen = "calls whose request has not arrived";
  const publicCalls = "calls without a token";
  const all: CallLimiter[] = [];
  const bound = (limits: CallLimits) => {
    const bounds = createCallLimiter(limits);
    all.push(bounds);
    return bounds;
  };
  return {
    authenticating: bound({
      what: halfOpen,
      calls: 8192,
      callsPerCaller: 2048,
      ...small,
      timeoutMs,
    }),
    halfOpen: bound({
      what: halfOpen,
      calls: 8192,
      callsPerCaller: 2048,
      bytes: 64 * maxMessageBytes,
      bytesPerCaller: 16 * maxMessageBytes,
      // Each to at most `maxMessageBytes`.
      inflating: 16,
      inflatingPerCaller: 4,
      timeoutMs,
    }),
    open: {
      calls: bound({
        what: publicCalls,
        calls: 4096,
        callsPerCaller: 256,
        ...small,
        timeoutMs,
      }),
      reflections: bound({
        what: publicCalls,
        calls: 64,
        callsPerCaller: 16,
        ...small,
        timeoutMs,
      }),
      watches: bound({
        what: publicCalls,
        calls: 1024,
        callsPerCaller: 128,
        ...small,
        timeoutMs: Number.POSITIVE_INFINITY,
      }),
    },
    stop: () => {
      for (const bounds of all) bounds.stop();
    },
  };
}
