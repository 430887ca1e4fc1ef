import { type CallLimiter, type CallLimits, createCallLimiter } from "./call-limits.ts";

/** The limits of HTTP requests whose body is incomplete. */
export interface HttpRequestLimits {
  /** Limits by client network, before authentication. */
  readonly byAddress: CallLimiter;
  /** Limits by organization, after authentication. */
  readonly byOrganization: CallLimiter;
  /** Stops the timers of both limiters. */
  stop(): void;
}

/** The settings that the limits depend on. */
export interface HttpLimits {
  /** The maximum size of a message in bytes; the byte limits are multiples of it. */
  readonly maxMessageBytes: number;
  /** True when one address may open every connection, as a proxy does: then the limits of a caller equal the total limits. */
  readonly sharedAddress: boolean;
}

/**
 * Creates the limits, equal to those of the gRPC port in `grpc-limits.ts`, except that a body may take 60 s, twice as long,
 * because a REST client may be slow.
 */
export function createHttpLimits({ maxMessageBytes, sharedAddress }: HttpLimits): HttpRequestLimits {
  const limits: CallLimits = {
    what: "requests whose body has not arrived",
    calls: 8192,
    callsPerCaller: 2048,
    bytes: 64 * maxMessageBytes,
    bytesPerCaller: 16 * maxMessageBytes,
    inflating: 16,
    inflatingPerCaller: 4,
    timeoutMs: 60_000,
  };
  const all = { callsPerCaller: limits.calls, bytesPerCaller: limits.bytes };
  const byAddress = createCallLimiter({ ...limits, ...(sharedAddress ? all : {}) });
  const byOrganization = createCallLimiter(limits);
  return {
    byAddress,
    byOrganization,
    stop: () => {
      byAddress.stop();
      byOrganization.stop();
    },
  };
}
