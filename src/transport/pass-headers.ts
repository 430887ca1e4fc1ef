import { create, type DescMethodUnary } from "@bufbuild/protobuf";
import { createContextValues, type HandlerContext, type Interceptor, type UnaryResponse } from "@connectrpc/connect";

/** What is known of a call before its body is read. A door that wants what the interceptors find out brings its own values. */
export type Arrival = Pick<
  HandlerContext,
  "service" | "method" | "requestMethod" | "url" | "signal" | "requestHeader"
> &
  Partial<Pick<HandlerContext, "values">>;

/**
 * Sends a call without its message through interceptors that look at none, and then to `last`, which can throw in place of
 * an answer. Rejects with what they make of that.
 */
export async function passHeaders(
  interceptors: readonly Interceptor[],
  { service, method, requestMethod, url, signal, requestHeader, values = createContextValues() }: Arrival,
  last: () => void = () => {},
): Promise<void> {
  // Neither looks at a message, so one of no kind will do for streams as well.
  const unary = { stream: false, service, method: method as DescMethodUnary } as const;
  const end = async (): Promise<UnaryResponse> => {
    last();
    return { ...unary, message: create(method.output), header: new Headers(), trailer: new Headers() };
  };
  const chain = interceptors.reduceRight<ReturnType<Interceptor>>((next, interceptor) => interceptor(next), end);
  await chain({
    ...unary,
    requestMethod,
    url,
    signal,
    header: requestHeader,
    contextValues: values,
    message: create(method.input),
  });
}
