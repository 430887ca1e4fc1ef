import {
  type CallToolResult,
  type Implementation,
  type McpRequestContext,
  ProtocolError,
  ProtocolErrorCode,
  type Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import type { Logger } from "pino";
import { didYouMean } from "../../errors/did-you-mean.ts";
import { mcpCallerOf } from "./authenticate-request.ts";
import type { CancellableCalls } from "./cancellable-calls.ts";
import type { McpTool } from "./create-tools.ts";
import { StrictServer } from "./strict-server.ts";

/** The dependencies of every server object. */
export interface ServerDeps {
  readonly tools: ReadonlyMap<string, McpTool>;
  readonly running: CancellableCalls;
  readonly serverInfo: Implementation;
  /** Returns what the server says of itself to a caller with these toolsets; undefined for all. */
  readonly instructionsFor: (toolsets: ReadonlySet<string> | undefined) => string;
  readonly log: Logger;
}

/** Creates the server object of one HTTP request, which alone identifies the caller. */
export function createServer(deps: ServerDeps, context: McpRequestContext): Server {
  const { tools, running, serverInfo, instructionsFor, log } = deps;
  const header = context.requestInfo?.headers ?? new Headers();
  const { permissions, peer, toolsets } = mcpCallerOf(context.authInfo);
  const instructions = instructionsFor(toolsets);
  const server = new StrictServer(serverInfo, { capabilities: { tools: {} }, instructions });
  const isOffered = ({ toolset }: McpTool) => toolsets === undefined || toolset === undefined || toolsets.has(toolset);
  const keyOf = (id: unknown) => `${header.get("authorization")} ${JSON.stringify(id)}`;

  server.setRequestHandler("tools/list", ({ params }) => {
    if (params?.cursor !== undefined) throw invalid("there is one page of tools, and no cursor");
    const allowed = [...tools.values()].filter(
      (tool) => isOffered(tool) && (tool.permission === undefined || permissions.has(tool.permission)),
    );
    return { tools: allowed.map(({ description }) => description) };
  });

  server.setRequestHandler("tools/call", async ({ params }, { mcpReq }): Promise<CallToolResult> => {
    const tool = tools.get(params.name);
    if (tool === undefined)
      throw invalid(
        `there is no tool ${JSON.stringify(params.name.slice(0, 64))}${didYouMean(params.name, [...tools.keys()])}`,
      );
    if (!isOffered(tool))
      throw invalid(
        `${params.name} is a tool of the toolset ${tool.toolset}, which the URL leaves out: see ?toolsets=`,
      );
    try {
      return await running.run(keyOf(mcpReq.id), mcpReq.signal, (signal) =>
        tool.call({ arguments: params.arguments ?? {}, header, peer, signal, onProgress: progressOf(mcpReq) }),
      );
    } catch (err) {
      log.error({ err, tool: params.name }, "a tool failed");
      throw new ProtocolError(ProtocolErrorCode.InternalError, "internal error: the server's log has its cause");
    }
  });

  // A client of a revision before 2026 cancels in a request of its own, which has another server object.
  server.setNotificationHandler("notifications/cancelled", ({ params }) => running.cancel(keyOf(params.requestId)));
  return server;
}

/** Returns a function that reports progress to the caller; undefined without a progress token. */
function progressOf({ _meta, notify }: ServerContext["mcpReq"]): ((message: string) => Promise<void>) | undefined {
  const progressToken = _meta?.progressToken;
  if (progressToken === undefined) return undefined;
  let progress = 0;
  return (message) => {
    progress += 1;
    const said = message === "" ? {} : { message };
    // Sending fails for a disconnected caller; the signal ends the call.
    return notify({ method: "notifications/progress", params: { progressToken, progress, ...said } }).catch(() => {});
  };
}

function invalid(message: string): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InvalidParams, message);
}
