import { create, type DescMethodUnary } from "@bufbuild/protobuf";
import { createContextValues, type HandlerContext, type Interceptor, type UnaryResponse } from "@connectrpc/connect";

/** A call before its body is read. A protocol that reads the results of the interceptors passes its own context values. */
export type CallHeaders = Pick<
  HandlerContext,
  "service" | "method" | "requestMethod" | "url" | "signal" | "requestHeader"
> &
  Partial<Pick<HandlerContext, "values">>;

/** Runs interceptors that read no message for a call. Rejects with the error of an interceptor. */
export type HeaderChain = (arrival: CallHeaders) => Promise<void>;

/** Composes interceptors for the calls of one method; `last` runs after them and may throw. */
export function createHeaderChain(
  interceptors: readonly Interceptor[],
  { service, method }: Pick<CallHeaders, "service" | "method">,
  last: () => void = () => {},
): HeaderChain {
  // The interceptors read no message, so a unary request also stands for a stream.
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

/** Composes interceptors and runs them for one call. */
export function runHeaderInterceptors(
  interceptors: readonly Interceptor[],
  arrival: CallHeaders,
  last: () => void = () => {},
): Promise<void> {
  return createHeaderChain(interceptors, arrival, last)(arrival);
}

/** A response that creates headers at the first access only: every gRPC call makes one. */
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

/** Authorizes a call by its headers. Rejects with the ConnectError for a caller without access. */
export type PreBodyAuth = (arrival: CallHeaders) => Promise<void>;

/**
 * Runs the interceptors that need only the headers before Connect reads the body: the bytes of a caller without access are never
 * decompressed or decoded. An authorized call passes the same interceptors again; the verified token is cached by then.
 */
export function createPreBodyAuth(interceptors: readonly Interceptor[]): PreBodyAuth {
  return (arrival) => runHeaderInterceptors(interceptors, arrival);
}
