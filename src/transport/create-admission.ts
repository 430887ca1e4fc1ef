import type { Interceptor } from "@connectrpc/connect";
import { type Arrival, passHeaders } from "./pass-headers.ts";

/** Rejects with the ConnectError that a caller gets who is not let in. */
export type Admit = (arrival: Arrival) => Promise<void>;

/**
 * Runs the interceptors that need no more than the headers, before Connect reads the body: the bytes of a caller who
 * is not let in are never decompressed or decoded. Those who are let in pass the same interceptors once more in the
 * call itself; the token is remembered by then.
 */
export function createAdmission(interceptors: readonly Interceptor[]): Admit {
  return (arrival) => passHeaders(interceptors, arrival);
}
