import type { DescMethod, Message } from "@bufbuild/protobuf";
import { type ContextValues, createContextValues, type HandlerContext } from "@connectrpc/connect";

/** A call of a protocol that Connect's own handlers do not serve. */
export interface IncomingCall {
  /**
   * Decodes the message. Throws ApiError MESSAGE_MALFORMED. Called at the first access to the message by an interceptor or the
   * handler, which is after authentication: the bytes of an unauthenticated caller are not decoded.
   */
  readonly decode: () => Message;
  readonly header: Headers;
  readonly signal: AbortSignal;
  /** Returns the milliseconds left until the caller's deadline; undefined without a deadline. */
  readonly timeoutMs: () => number | undefined;
  /** The context values that interceptors set; a protocol that reads them passes its own. Default: empty. */
  readonly values?: ContextValues;
  /** The response headers, for a protocol that sends them with errors too. Default: empty. */
  readonly responseHeader?: Headers;
  /** The response trailers, likewise. Default: empty. */
  readonly responseTrailer?: Headers;
}

/** A response: the message or the stream of messages, and its metadata. */
export interface CallResponse<Answer> {
  readonly message: Answer;
  readonly header: Headers;
  readonly trailer: Headers;
}

/** Creates the context that a handler receives with its request. */
export function createCallContext(
  method: DescMethod,
  {
    header,
    signal,
    timeoutMs,
    values = createContextValues(),
    responseHeader = new Headers(),
    responseTrailer = new Headers(),
  }: IncomingCall,
): HandlerContext {
  return {
    service: method.parent,
    method,
    requestMethod: "POST",
    protocolName: "grpc",
    url: `https://in-process/${method.parent.typeName}/${method.name}`,
    signal,
    timeoutMs,
    requestHeader: header,
    responseHeader,
    responseTrailer,
    values,
  };
}

/** A request with its context, which the last step of the chain reads. An interceptor may have replaced the message. */
export type WithContext<Request> = Request & { readonly context: HandlerContext };

/** An implementation without its message types; the method descriptor has them. */
export type AnyImplementation<Input, Output> = (request: Input, context: HandlerContext) => Output;
