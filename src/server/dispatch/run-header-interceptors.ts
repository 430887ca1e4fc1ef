import { create, type DescMethodUnary } from "@bufbuild/protobuf";
import { createContextValues, type HandlerContext, type Interceptor, type UnaryResponse } from "@connectrpc/connect";

/** What is known of a call before its body is read. A protocol that wants what the interceptors find out brings its own context values. */
export type CallHeaders = Pick<
  HandlerContext,
  "service" | "method" | "requestMethod" | "url" | "signal" | "requestHeader"
> &
  Partial<Pick<HandlerContext, "values">>;

/** Sends calls without their messages through interceptors that look at none. Rejects with what they make of that. */
export type HeaderChain = (arrival: CallHeaders) => Promise<void>;

/** Ties interceptors together for the calls of one method; `last` can throw in place of an answer. */
export function createHeaderChain(
  interceptors: readonly Interceptor[],
  { service, method }: Pick<CallHeaders, "service" | "method">,
  last: () => void = () => {},
): HeaderChain {
  // Neither looks at a message, so one of no kind will do for streams as well.
  const unary = { stream: false, service, method: method as DescMethodUnary } as const;
  const answer = create(method.output);
  const end = async (): Promise<UnaryResponse> => {
    last();
    return new NoAnswer(unary, answer);
  };
  const chain = interceptors.reduceRight<ReturnType<Interceptor>>((next, interceptor) => interceptor(next), end);
  const message = create(method.input);
  return async ({ requestMethod, url, signal, requestHeader: header, values = createContextValues() }) => {
    await chain({ ...unary, requestMethod, url, signal, header, contextValues: values, message });
  };
}

/** Sends one call through them. */
export function runHeaderInterceptors(
  interceptors: readonly Interceptor[],
  arrival: CallHeaders,
  last: () => void = () => {},
): Promise<void> {
  return createHeaderChain(interceptors, arrival, last)(arrival);
}

/** Makes headers for those interceptors alone that look at them: this is on the way of every gRPC call. */
class NoAnswer implements UnaryResponse {
  readonly stream = false;
  readonly service: UnaryResponse["service"];
  readonly method: DescMethodUnary;
  readonly message: UnaryResponse["message"];
  #header: Headers | undefined;
  #trailer: Headers | undefined;

  constructor({ service, method }: Pick<UnaryResponse, "service" | "method">, message: UnaryResponse["message"]) {
    this.service = service;
    this.method = method;
    this.message = message;
  }

  get header(): Headers {
    this.#header ??= new Headers();
    return this.#header;
  }

  get trailer(): Headers {
    this.#trailer ??= new Headers();
    return this.#trailer;
  }
}

/** Rejects with the ConnectError that a caller gets who is not let in. */
export type PreBodyAuth = (arrival: CallHeaders) => Promise<void>;

/**
 * Runs the interceptors that need no more than the headers, before Connect reads the body: the bytes of a caller who
 * is not let in are never decompressed or decoded. Those who are let in pass the same interceptors once more in the
 * call itself; the token is remembered by then.
 */
export function createPreBodyAuth(interceptors: readonly Interceptor[]): PreBodyAuth {
  return (arrival) => runHeaderInterceptors(interceptors, arrival);
}
