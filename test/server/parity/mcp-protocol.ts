import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { mcp_tool } from "../../../gen/connectory/options/v1/mcp_tool_pb.js";
import { contractPath } from "./contract-path.ts";
import { canonical, type Protocol, type Refusal } from "./protocol.ts";

/** The official MCP client. A stream is its last message there; what came before is progress. */
export function mcpProtocol(httpUrl: string): Protocol {
  return {
    ask: async (method, request, token) => {
      const client = new Client({ name: "parity", version: "1" });
      const headers: Record<string, string> = token === "" ? {} : { authorization: `Bearer ${token}` };
      const transport = new StreamableHTTPClientTransport(new URL("/mcp", httpUrl), { requestInit: { headers } });
      const outside = await refusedAtTheProtocol(httpUrl, headers);
      if (outside !== undefined) return { refused: outside };
      await client.connect(transport as never);
      try {
        const { name } = getOption(method, mcp_tool);
        const result = await client.callTool({ name, arguments: request });
        return result.isError === true
          ? { refused: toRefusal(method, result._meta?.["connectory/error"] as Record<string, unknown>) }
          : { messages: [canonical(method.output, result.structuredContent as never)] };
      } finally {
        await client.close();
      }
    },
    close: async () => undefined,
  };
}

function toRefusal(method: DescMethod, content: Record<string, unknown>): Refusal {
  const violations = (content.violations ?? []) as { field: string }[];
  return {
    code: String(content.code),
    reason: String(content.reason),
    metadata: (content.metadata ?? {}) as Record<string, string>,
    fields: violations.map(({ field }) => contractPath(method.input, field, undefined)),
    retry: content.retryAfterMs !== undefined,
  };
}

/** Who is not let in never comes to speak MCP: the refusal is HTTP's. */
async function refusedAtTheProtocol(httpUrl: string, headers: Record<string, string>): Promise<Refusal | undefined> {
  const response = await fetch(new URL("/mcp", httpUrl), {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", accept: "application/json, text/event-stream" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
  });
  if (response.status !== 401) return undefined;
  expectBearer(response);
  const { error } = (await response.json()) as { error: { data: { reason: string } } };
  return { code: "UNAUTHENTICATED", reason: error.data.reason, metadata: {}, fields: [], retry: false };
}

function expectBearer(response: Response): void {
  const challenge = response.headers.get("www-authenticate") ?? "";
  if (!challenge.startsWith("Bearer")) throw new Error(`401 without a challenge: ${challenge}`);
}
