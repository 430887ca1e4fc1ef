import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import type { CallToolResult } from "@modelcontextprotocol/server";
import { originKey } from "../../interceptors/call/call-origin.ts";
import { renameErrorKey } from "../../interceptors/call/rename-error.ts";
import { requestIdKey } from "../../interceptors/request-id.ts";
import type { Route } from "../dispatch/route.ts";
import type { RequestForm } from "../json/normalize-json.ts";
import { useCallerNames } from "../problem-details/caller-names.ts";
import { convertResult, createRunRpc, type RawCall, type ToolCallOptions } from "./run-rpc.ts";
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
  options: ToolCallOptions,
  longestMs = longestCallMs,
): CallTool {
  const { method } = route;
  const run = createRunRpc(route, options);
  const runWithProgress =
    streamed === undefined ? run : convertResult(method.output, streamed, createRunRpc(streamed, options));
  return async ({ peer, ...call }) => {
    const form: RequestForm = { wrapped: true };
    const values = createContextValues()
      .set(originKey, { protocol: "mcp", peer, bytes: undefined, logged: false })
      .set(renameErrorKey, (error, input) => useCallerNames(error, input, { names: "json", ...form }));
    const late = new AbortController();
    const deadline = performance.now() + longestMs;
    const timer = setTimeout(() => late.abort(new ConnectError("too late", Code.DeadlineExceeded)), longestMs);
    try {
      const answer = await (call.onProgress === undefined ? run : runWithProgress)({
        ...call,
        form,
        signal: AbortSignal.any([call.signal, late.signal]),
        timeoutMs: () => deadline - performance.now(),
        values,
      });
      return toolResult(method.output, answer, values.get(requestIdKey));
    } catch (error) {
      if (error instanceof ConnectError)
        return toolError(method, error, { requestId: values.get(requestIdKey), wrapped: form.wrapped });
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
}
