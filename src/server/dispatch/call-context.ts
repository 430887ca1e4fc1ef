import type { DescMethod, Message } from "@bufbuild/protobuf";
import { type ContextValues, createContextValues, type HandlerContext } from "@connectrpc/connect";

/** A call as a transport that is not Connect's own hands it in. */
export interface IncomingCall {
  /**
   * Reads the message; throws ApiError MESSAGE_MALFORMED. Called when the first interceptor or the handler looks at the
   * message, which is after authentication: the bytes of an unauthenticated caller are not decoded.
   */
  readonly decode: () => Message;
  readonly header: Headers;
  readonly signal: AbortSignal;
  /** Milliseconds left until the caller's deadline; undefined without one. */
  readonly timeoutMs: () => number | undefined;
  /** Where the interceptors put what they found out; a transport that wants to read it brings its own. */
  readonly values?: ContextValues;
  /** What goes back around the message, for a transport that sends it with errors too. */
  readonly responseHeader?: Headers;
  readonly responseTrailer?: Headers;
}

/** What goes back: the message, or messages, and the metadata around them. */
export interface CallResponse<Answer> {
  readonly message: Answer;
  readonly header: Headers;
  readonly trailer: Headers;
}

/** What a handler gets beside its request. */
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

/** A request remembers its context on the way through the interceptors, which may have put another message into it. */
export type WithContext<Request> = Request & { readonly context: HandlerContext };

/** A function that takes messages of any type; which one the method says. */
export type AnyImplementation<Input, Output> = (request: Input, context: HandlerContext) => Output;
