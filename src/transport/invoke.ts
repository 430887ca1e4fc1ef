import {
  create,
  type DescMessage,
  type DescMethodUnary,
  isMessage,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import type { Interceptor, UnaryRequest, UnaryResponse } from "@connectrpc/connect";
import {
  type AnyImplementation,
  createCallContext,
  type IncomingCall,
  type Outcome,
  toRequest,
  type WithContext,
} from "./call-context.ts";

/**
 * Ties a method's implementation and the interceptors into one function, the same way in which Connect's own
 * handlers do it, once per method rather than once per call.
 */
export function createInvoke(
  method: DescMethodUnary,
  implementation: AnyImplementation<Message, Promise<MessageInitShape<DescMessage>> | MessageInitShape<DescMessage>>,
  interceptors: readonly Interceptor[],
): (call: IncomingCall) => Promise<Outcome<Message>> {
  const verb: ReturnType<Interceptor> = async (request) => {
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
  const chain = interceptors.reduceRight((next, interceptor) => interceptor(next), verb);

  return async (call) => {
    let message: Message | undefined;
    const request: WithContext<UnaryRequest> = {
      ...toRequest(createCallContext(method, call)),
      stream: false,
      method,
      get message() {
        message ??= call.decode();
        return message;
      },
    };
    return (await chain(request)) as UnaryResponse;
  };
}
