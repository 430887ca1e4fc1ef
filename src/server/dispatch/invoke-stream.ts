import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  isMessage,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import type { Interceptor, StreamRequest, StreamResponse } from "@connectrpc/connect";
import {
  type AnyImplementation,
  type CallResponse,
  createCallContext,
  type IncomingCall,
  type WithContext,
} from "./call-context.ts";

/** The same as createInvokeUnary for a server-streaming RPC. */
export function createInvokeStream(
  method: DescMethodServerStreaming,
  implementation: AnyImplementation<Message, AsyncIterable<MessageInitShape<DescMessage>>>,
  interceptors: readonly Interceptor[],
): (call: IncomingCall) => Promise<CallResponse<AsyncIterable<Message>>> {
  const handler: ReturnType<Interceptor> = async (request) => {
    const { message, context } = request as WithContext<StreamRequest>;
    return {
      stream: true,
      service: method.parent,
      method,
      message: answers(message, (only) => implementation(only, context)),
      header: context.responseHeader,
      trailer: context.responseTrailer,
    } satisfies StreamResponse;
  };
  const chain = interceptors.reduceRight((next, interceptor) => interceptor(next), handler);

  async function* answers(
    requests: AsyncIterable<Message>,
    answer: (request: Message) => AsyncIterable<MessageInitShape<DescMessage>>,
  ): AsyncGenerator<Message> {
    for await (const request of requests)
      for await (const message of answer(request))
        yield isMessage(message, method.output) ? message : create(method.output, message);
  }

  return async (call) => {
    async function* only(): AsyncGenerator<Message> {
      yield call.decode();
    }
    const context = createCallContext(method, call);
    const { service, requestMethod, url, signal, requestHeader: header, values: contextValues } = context;
    const common = { service, requestMethod, url, signal, header, contextValues, context };
    const request: WithContext<StreamRequest> = { ...common, stream: true, method, message: only() };
    return (await chain(request)) as StreamResponse;
  };
}
