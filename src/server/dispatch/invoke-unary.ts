import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type DescService,
  isMessage,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import type { ContextValues, HandlerContext, Interceptor, UnaryRequest, UnaryResponse } from "@connectrpc/connect";
import {
  type AnyImplementation,
  type CallResponse,
  createCallContext,
  type IncomingCall,
  type WithContext,
} from "./call-context.ts";

/**
 * Composes the implementation of a method and the interceptors into one function, in the way of Connect's own handlers, once per
 * method rather than once per call.
 */
export function createInvokeUnary(
  method: DescMethodUnary,
  implementation: AnyImplementation<Message, Promise<MessageInitShape<DescMessage>> | MessageInitShape<DescMessage>>,
  interceptors: readonly Interceptor[],
): (call: IncomingCall) => Promise<CallResponse<Message>> {
  const handler: ReturnType<Interceptor> = async (request) => {
    const { message, context } = request as WithContext<UnaryRequest>;
    const answer = await implementation(message, context);
    return {
      stream: false,
      service: method.parent,
      method,
      message: isMessage(answer, method.output) ? answer : create(method.output, answer),
      header: context.responseHeader,
      trailer: context.responseTrailer,
    } satisfies UnaryResponse;
  };
  const chain = interceptors.reduceRight((next, interceptor) => interceptor(next), handler);

  return async (call) => (await chain(new LazyRequest(method, call))) as UnaryResponse;
}

/**
 * A request whose message is decoded at the first access. A class, because an object literal with a getter costs a call several
 * microseconds.
 */
class LazyRequest implements WithContext<UnaryRequest> {
  readonly stream = false;
  readonly requestMethod = "POST";
  readonly method: DescMethodUnary;
  readonly service: DescService;
  readonly url: string;
  readonly signal: AbortSignal;
  readonly header: Headers;
  readonly contextValues: ContextValues;
  readonly context: HandlerContext;
  readonly #decode: () => Message;
  #message: Message | undefined;

  constructor(method: DescMethodUnary, call: IncomingCall) {
    const context = createCallContext(method, call);
    this.method = method;
    this.service = context.service;
    this.url = context.url;
    this.signal = context.signal;
    this.header = context.requestHeader;
    this.contextValues = context.values;
    this.context = context;
    this.#decode = call.decode;
  }

  get message(): Message {
    this.#message ??= this.#decode();
    return this.#message;
  }
}
