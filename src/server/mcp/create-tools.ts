import { getOption, hasOption } from "@bufbuild/protobuf";
import type { Tool } from "@modelcontextprotocol/server";
import { mcp_tool } from "../../../gen/connectory/options/v1/mcp_tool_pb.js";
import { accessOptionOf } from "../../interceptors/access-option.ts";
import type { Route } from "../dispatch/route.ts";
import { type CallTool, createToolCall } from "./create-tool-call.ts";
import { describeTool } from "./describe-tool.ts";
import type { ToolCallOptions } from "./run-rpc.ts";

/** A tool made from an RPC. */
export interface McpTool {
  readonly description: Tool;
  /** The permission that the caller needs; undefined for a public RPC. */
  readonly permission: string | undefined;
  readonly call: CallTool;
}

/** Creates the tools of all RPCs with the option `mcp_tool`, by name. Throws Error when `progress_from` names no RPC of the service. */
export function createTools(routes: readonly Route[], options: ToolCallOptions): ReadonlyMap<string, McpTool> {
  const offered = routes.filter(({ method }) => hasOption(method, mcp_tool));
  return new Map(
    offered.map((route) => {
      const { method } = route;
      const { name, progressFrom } = getOption(method, mcp_tool);
      const streamed = routes.find(
        (other) => other.method.parent === method.parent && other.method.name === progressFrom,
      );
      if (progressFrom !== "" && streamed === undefined)
        throw new Error(`${method.name}: there is no ${progressFrom} to tell of its progress`);
      const access = accessOptionOf(method);
      const permission = access?.public === true ? undefined : (access?.permission ?? "");
      return [name, { description: describeTool(method), permission, call: createToolCall(route, streamed, options) }];
    }),
  );
}
