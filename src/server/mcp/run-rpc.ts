import { type DescMessage, fromJson, type Message, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import type { IncomingCall } from "../dispatch/call-context.ts";
import { errorDetailRegistry } from "../dispatch/error-detail-registry.ts";
import { createInvokeStream } from "../dispatch/invoke-stream.ts";
import { createInvokeUnary } from "../dispatch/invoke-unary.ts";
import type { Route } from "../dispatch/route.ts";
import type { RejectMember, RequestForm } from "../json/normalize-json.ts";
import { readArguments } from "./read-arguments.ts";
import { sentenceOf } from "./tool-result.ts";

/** A call before its message is decoded. */
export interface RawCall extends Omit<IncomingCall, "decode"> {
  readonly arguments: unknown;
  /** Set to the form of the arguments when they are read. */
  readonly form: RequestForm;
  /** Reports progress to the caller; undefined when it did not ask for progress. */
  readonly onProgress: ((sentence: string) => Promise<void>) | undefined;
}

/** The dependencies of calls of tools. */
export interface ToolCallOptions {
  readonly interceptors: readonly Interceptor[];
  readonly rejectMember: RejectMember;
}

/** Runs an RPC through the interceptors. Rejects with their error. */
export type RunRpc = (call: RawCall) => Promise<Message>;

/** The maximum number of progress messages of a call: those for a caller who does not read accumulate in memory. */
const maxProgress = 1000;

/** Creates the function that runs an RPC. Each message of a stream is progress, and the last one is the response. */
export function createRunRpc(route: Route, { interceptors, rejectMember }: ToolCallOptions): RunRpc {
  const { input } = route.method;
  const incoming = (call: RawCall) => ({
    ...call,
    decode: () => readArguments(input, call.arguments, { form: call.form, rejectMember }),
  });
  if (route.kind === "unary") {
    const invoke = createInvokeUnary(route.method, route.implementation, interceptors);
    return async (call) => (await invoke(incoming(call))).message;
  }
  const invoke = createInvokeStream(route.method, route.implementation, interceptors);
  const { output } = route.method;
  return async (call) => {
    let last: Message | undefined;
    let reported = 0;
    for await (const message of (await invoke(incoming(call))).message) {
      last = message;
      if (reported++ < maxProgress) await call.onProgress?.(sentenceOf(output, message));
    }
    if (last === undefined) throw new ConnectError("the stream ended without an answer", Code.Internal);
    return last;
  };
}

/** The same for a substitute RPC: its response is converted to `output`, without the fields that only the substitute has. */
export function convertResult(output: DescMessage, route: Route, run: RunRpc): RunRpc {
  return async (call) =>
    fromJson(output, toJson(route.method.output, await run(call), { registry: errorDetailRegistry }), {
      ignoreUnknownFields: true,
      registry: errorDetailRegistry,
    });
}
