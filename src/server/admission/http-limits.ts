import { type CallLimiter, type CallLimits, createCallLimiter } from "./call-limits.ts";

/** Every bound of requests of the HTTP port whose body is not there whole. */
export interface HttpRequestLimits {
  readonly byAddress: CallLimiter;
  /** Of those who are known. */
  readonly byOrganization: CallLimiter;
  stop(): void;
}

export interface HttpLimits {
  readonly maxMessageBytes: number;
  /** One address may have every connection, as a proxy does; then it may have every request as well. */
  readonly sharedAddress: boolean;
}

/** As `grpc-limits.ts` has them for the gRPC port; a body may take twice as long, because a REST client may be slow. */
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
