import { type DescMessage, fromJson, type Message, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import type { IncomingCall } from "../call-context.ts";
import { detailTypes } from "../detail-types.ts";
import { createInvoke } from "../invoke.ts";
import { createInvokeStream } from "../invoke-stream.ts";
import type { Route } from "../routes.ts";
import { sentenceOf } from "./answer-result.ts";
import { readArguments } from "./read-arguments.ts";

/** A call before its message is read. */
export interface UnreadCall extends Omit<IncomingCall, "decode"> {
  readonly arguments: unknown;
  /** Tells the caller how far it is; undefined when nobody asked. */
  readonly onProgress: ((sentence: string) => Promise<void>) | undefined;
}

/** Runs an RPC through the interceptors. Rejects with what they throw. */
export type RunRoute = (call: UnreadCall) => Promise<Message>;

/** A caller who does not read lets what it is told pile up here, so it is told of so many messages and no more. */
const maxProgress = 1000;

/** An RPC to run. Of a stream each message is progress, and the last one is the answer. */
export function createRunRoute(route: Route, interceptors: readonly Interceptor[]): RunRoute {
  const { input } = route.method;
  const incoming = (call: UnreadCall) => ({ ...call, decode: () => readArguments(input, call.arguments) });
  if (route.kind === "unary") {
    const invoke = createInvoke(route.method, route.implementation, interceptors);
    return async (call) => (await invoke(incoming(call))).message;
  }
  const invoke = createInvokeStream(route.method, route.implementation, interceptors);
  const { output } = route.method;
  return async (call) => {
    let last: Message | undefined;
    let told = 0;
    for await (const message of (await invoke(incoming(call))).message) {
      last = message;
      if (told++ < maxProgress) await call.onProgress?.(sentenceOf(output, message));
    }
    if (last === undefined) throw new ConnectError("the stream ended without an answer", Code.Internal);
    return last;
  };
}

/** The same for a route that stands in for another: its answer as that one's, less the fields that only it has. */
export function answerAs(output: DescMessage, route: Route, run: RunRoute): RunRoute {
  return async (call) =>
    fromJson(output, toJson(route.method.output, await run(call), { registry: detailTypes }), {
      ignoreUnknownFields: true,
      registry: detailTypes,
    });
}
