import { create, type DescMethodUnary } from "@bufbuild/protobuf";
import { createContextValues, type HandlerContext, type Interceptor } from "@connectrpc/connect";

/** What is known of a call before its body is read. */
export type Arrival = Pick<HandlerContext, "service" | "method" | "requestMethod" | "url" | "signal" | "requestHeader">;

/** Rejects with the ConnectError that a caller gets who is not let in. */
export type Admit = (arrival: Arrival) => Promise<void>;

/**
 * Runs the interceptors that need no more than the headers, before Connect reads the body: the bytes of a caller who
 * is not let in are never decompressed or decoded. Those who are let in pass the same interceptors once more in the
 * call itself; the token is remembered by then.
 */
export function createAdmission(interceptors: readonly Interceptor[]): Admit {
  return async ({ service, method, requestMethod, url, signal, requestHeader }) => {
    // Neither looks at a message, so one of no kind will do for streams as well.
    const unary = { stream: false, service, method: method as DescMethodUnary } as const;
    const admitted: ReturnType<Interceptor> = async () => ({
      ...unary,
      message: create(method.output),
      header: new Headers(),
      trailer: new Headers(),
    });
    const chain = interceptors.reduceRight((next, interceptor) => interceptor(next), admitted);
    await chain({
      ...unary,
      requestMethod,
      url,
      signal,
      header: requestHeader,
      contextValues: createContextValues(),
      message: create(method.input),
    });
  };
}
