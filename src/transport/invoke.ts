import {
  create,
  type DescMessage,
  type DescMethodUnary,
  isMessage,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import {
  createContextValues,
  type HandlerContext,
  type Interceptor,
  type MethodImpl,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";

/** A call as a transport that is not Connect's own hands it in. */
export interface IncomingCall {
  /**
   * Reads the message; throws Failure MESSAGE_MALFORMED. Called when the first interceptor or the verb looks at the
   * message, which is after authentication: a stranger's bytes are not worth the time.
   */
  readonly decode: () => Message;
  readonly header: Headers;
  readonly signal: AbortSignal;
  /** Milliseconds left until the caller's deadline; undefined without one. */
  readonly timeoutMs: () => number | undefined;
}

/** What goes back: the message and the metadata around it. */
export interface Outcome {
  readonly message: Message;
  readonly header: Headers;
  readonly trailer: Headers;
}

type AnyFn = ReturnType<Interceptor>;

/**
 * Ties a method's implementation and the interceptors into one function, the same way in which Connect's own
 * handlers do it, once per method rather than once per call.
 */
export function createInvoke<M extends DescMethodUnary<DescMessage, DescMessage>>(
  method: M,
  implementation: MethodImpl<M>,
  interceptors: readonly Interceptor[],
  protocolName: string,
): (call: IncomingCall) => Promise<Outcome> {
  const url = `https://in-process/${method.parent.typeName}/${method.name}`;
  const run = implementation as (request: Message, context: HandlerContext) => Promise<MessageInitShape<DescMessage>>;

  const verb: AnyFn = async (request) => {
    const { message, context } = request as BoundRequest;
    const answer = await run(message, context);
    return {
      stream: false,
      service: method.parent,
      method,
      message: isMessage(answer, method.output) ? answer : create(method.output, answer),
      header: context.responseHeader,
      trailer: context.responseTrailer,
    } satisfies UnaryResponse;
  };
  const chain = interceptors.reduceRight((next, interceptor) => interceptor(next), verb);

  return async ({ decode, header, signal, timeoutMs }) => {
    let message: Message | undefined;
    const values = createContextValues();
    const context: HandlerContext = {
      service: method.parent,
      method,
      requestMethod: "POST",
      protocolName,
      url,
      signal,
      timeoutMs,
      requestHeader: header,
      responseHeader: new Headers(),
      responseTrailer: new Headers(),
      values,
    };
    const request: BoundRequest = {
      stream: false,
      service: method.parent,
      method,
      requestMethod: "POST",
      url,
      signal,
      header,
      contextValues: values,
      get message() {
        message ??= decode();
        return message;
      },
      context,
    };
    const response = await chain(request);
    return response as UnaryResponse;
  };
}

/** A request that remembers its handler context on the way through the interceptors. */
type BoundRequest = UnaryRequest & { readonly context: HandlerContext };
