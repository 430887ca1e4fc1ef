import { create, type DescMethodUnary } from "@bufbuild/protobuf";
import { createContextValues, type HandlerContext, type Interceptor, type UnaryResponse } from "@connectrpc/connect";

/** What is known of a call before its body is read. A door that wants what the interceptors find out brings its own values. */
export type Arrival = Pick<
  HandlerContext,
  "service" | "method" | "requestMethod" | "url" | "signal" | "requestHeader"
> &
  Partial<Pick<HandlerContext, "values">>;

/** Sends calls without their messages through interceptors that look at none. Rejects with what they make of that. */
export type HeaderChain = (arrival: Arrival) => Promise<void>;

/** Ties interceptors together for the calls of one method; `last` can throw in place of an answer. */
export function createHeaderChain(
  interceptors: readonly Interceptor[],
  { service, method }: Pick<Arrival, "service" | "method">,
  last: () => void = () => {},
): HeaderChain {
  // Neither looks at a message, so one of no kind will do for streams as well.
  const unary = { stream: false, service, method: method as DescMethodUnary } as const;
  const end = async (): Promise<UnaryResponse> => {
    last();
    return { ...unary, message: create(method.output), header: new Headers(), trailer: new Headers() };
  };
  const chain = interceptors.reduceRight<ReturnType<Interceptor>>((next, interceptor) => interceptor(next), end);
  const message = create(method.input);
  return async ({ requestMethod, url, signal, requestHeader: header, values = createContextValues() }) => {
    await chain({ ...unary, requestMethod, url, signal, header, contextValues: values, message });
  };
}

/** Sends one call through them. */
export function passHeaders(
  interceptors: readonly Interceptor[],
  arrival: Arrival,
  last: () => void = () => {},
): Promise<void> {
  return createHeaderChain(interceptors, arrival, last)(arrival);
}
