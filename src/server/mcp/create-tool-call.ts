import { Code, ConnectError, createContextValues, type Interceptor } from "@connectrpc/connect";
import type { CallToolResult } from "@modelcontextprotocol/server";
import { originKey } from "../../interceptors/call/call-origin.ts";
import { requestIdKey } from "../../interceptors/request-id.ts";
import type { Route } from "../dispatch/route.ts";
import { convertResult, createRunRpc, type RawCall } from "./run-rpc.ts";
import { toolError } from "./tool-error.ts";
import { toolResult } from "./tool-result.ts";

/** A call of a tool: the arguments, the headers of the HTTP request and a signal that aborts when the caller disconnects. */
export interface ToolCall extends Pick<RawCall, "arguments" | "header" | "signal" | "onProgress"> {
  /** The remote address of the request. */
  readonly peer: string | undefined;
}

/** Runs a call of a tool. An error of the RPC is also a result, with `isError`. */
export type CallTool = (call: ToolCall) => Promise<CallToolResult>;

/** Milliseconds that a call may take. Clients give up earlier; the limit also ends streams without an end. */
const longestCallMs = 120_000;

/**
 * Creates the call of a tool from an RPC. `streamed` is the RPC that runs instead when the caller asks for progress. `longestMs`
 * limits a call in milliseconds; default: 120 s.
 */
export function createToolCall(
  route: Route,
  streamed: Route | undefined,
  interceptors: readonly Interceptor[],
  longestMs = longestCallMs,
): CallTool {
  const { method } = route;
  const run = createRunRpc(route, interceptors);
  const runWithProgress =
    streamed === undefined ? run : convertResult(method.output, streamed, createRunRpc(streamed, interceptors));
  return async ({ peer, ...call }) => {
    const values = createContextValues().set(originKey, { protocol: "mcp", peer, bytes: undefined, logged: false });
    const late = new AbortController();
    const deadline = performance.now() + longestMs;
    const timer = setTimeout(() => late.abort(new ConnectError("too late", Code.DeadlineExceeded)), longestMs);
    try {
      const answer = await (call.onProgress === undefined ? run : runWithProgress)({
        ...call,
        signal: AbortSignal.any([call.signal, late.signal]),
        timeoutMs: () => deadline - performance.now(),
        values,
      });
      return toolResult(method.output, answer, values.get(requestIdKey));
    } catch (error) {
      if (error instanceof ConnectError) return toolError(method, error, values.get(requestIdKey));
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
}
