import { Code, ConnectError, createContextValues, type Interceptor } from "@connectrpc/connect";
import type { CallToolResult } from "@modelcontextprotocol/server";
import { entryKey } from "../../interceptors/entry.ts";
import { requestIdKey } from "../../interceptors/request-id.ts";
import type { Route } from "../routes.ts";
import { answerResult } from "./answer-result.ts";
import { errorResult } from "./error-result.ts";
import { answerAs, createRunRoute, type UnreadCall } from "./run-route.ts";

/** A call of a tool: the arguments, the headers of the HTTP request and a signal that is aborted when the caller leaves. */
export interface ToolCall extends Pick<UnreadCall, "arguments" | "header" | "signal" | "onProgress"> {
  /** The address that the request came from. */
  readonly peer: string | undefined;
}

/** Runs a call of a tool. What the RPC refuses is a result too, one with `isError`. */
export type CallTool = (call: ToolCall) => Promise<CallToolResult>;

/** How long a call may take, in milliseconds. Clients give up earlier; nobody waits here for a stream without an end. */
const longestCallMs = 120_000;

/** Makes a tool of an RPC. `streamed` is the RPC that runs instead when the caller wants to hear of progress. */
export function createToolCall(
  route: Route,
  streamed: Route | undefined,
  interceptors: readonly Interceptor[],
  longestMs = longestCallMs,
): CallTool {
  const { method } = route;
  const run = createRunRoute(route, interceptors);
  const runAloud =
    streamed === undefined ? run : answerAs(method.output, streamed, createRunRoute(streamed, interceptors));
  return async ({ peer, ...call }) => {
    const values = createContextValues().set(entryKey, { door: "mcp", peer, bytes: undefined, told: false });
    const late = new AbortController();
    const deadline = performance.now() + longestMs;
    const timer = setTimeout(() => late.abort(new ConnectError("too late", Code.DeadlineExceeded)), longestMs);
    try {
      const answer = await (call.onProgress === undefined ? run : runAloud)({
        ...call,
        signal: AbortSignal.any([call.signal, late.signal]),
        timeoutMs: () => deadline - performance.now(),
        values,
      });
      return answerResult(method.output, answer, values.get(requestIdKey));
    } catch (error) {
      if (error instanceof ConnectError) return errorResult(method, error, values.get(requestIdKey));
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
}
