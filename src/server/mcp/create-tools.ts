import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
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
  /** The toolset that the tool belongs to; undefined for one of every toolset. */
  readonly toolset: string | undefined;
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
      const call = createToolCall(route, streamed, options);
      return [
        name,
        { description: describeTool(method), permission: permissionOf(method), toolset: toolsetOf(method), call },
      ];
    }),
  );
}

function permissionOf(method: DescMethod): string | undefined {
  const access = accessOptionOf(method);
  return access?.public === true ? undefined : (access?.permission ?? "");
}

/** Returns the toolset of an RPC: the first word of its permission, such as `profiles`; undefined for a public RPC. */
export function toolsetOf(method: DescMethod): string | undefined {
  return permissionOf(method)?.split(".")[0];
}

/**
 * Returns the toolsets that the query of the URL names, as `?toolsets=profiles,connections`: undefined without the parameter, for
 * all; "unknown" when one of them does not exist, or none is named.
 */
export function selectToolsets(
  query: unknown,
  known: ReadonlySet<string>,
): ReadonlySet<string> | "unknown" | undefined {
  const { toolsets } = query as { readonly toolsets?: string | readonly string[] };
  if (toolsets === undefined) return undefined;
  const names = new Set([toolsets].flat().flatMap((list) => list.split(",").map((name) => name.trim())));
  return names.isSubsetOf(known) ? names : "unknown";
}
