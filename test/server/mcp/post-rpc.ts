/** An answer of `/mcp` as it came, and the JSON-RPC messages in it: one of JSON, or those of a stream of events. */
export interface RpcAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: whatever came
  readonly messages: any[];
  readonly text: string;
}

/** One request to `/mcp` without a client library. A body that is a text or bytes is sent as it is. */
export async function postRpc(
  httpUrl: string,
  body: unknown,
  {
    token,
    headers = {},
    query = "",
    ...init
  }: { token?: string; headers?: Record<string, string>; query?: string } & RequestInit = {},
): Promise<RpcAnswer> {
  const response = await fetch(new URL(`/mcp${query}`, httpUrl), {
    method: "POST",
    ...init,
    headers: {
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined
      ? {}
      : {
          body:
            typeof body === "string" || body instanceof Uint8Array
              ? (body as NonNullable<RequestInit["body"]>)
              : JSON.stringify(body),
        }),
  });
  const text = await response.text();
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const messages = isStream
    ? [...text.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => JSON.parse(data))
    : text === ""
      ? []
      : [JSON.parse(text)];
  return { status: response.status, headers: response.headers, messages, text };
}

/** A request of JSON-RPC. */
export function rpc(method: string, params: unknown = {}, id: unknown = 1): object {
  return { jsonrpc: "2.0", id, method, params };
}

/** A call of a tool. */
export function toolCall(name: string, args: unknown = {}, id: unknown = 1): object {
  return rpc("tools/call", { name, arguments: args }, id);
}

/** A call of a tool as clients of the revision of 2026 send it: nothing is known from a request before. */
export function modernToolCall(name: string, args: unknown = {}): { body: object; headers: Record<string, string> } {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  return {
    body: rpc("tools/call", { name, arguments: args, _meta }),
    headers: { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": name },
  };
}
