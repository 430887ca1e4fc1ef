import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

/** The revisions of the protocol that clients speak: with a handshake until 2025, without one since 2026. */
export const eras = ["legacy", "2026-07-28"] as const;
export type Era = (typeof eras)[number];

/** The official client, connected with a bearer token. Close it after use. */
export async function connectMcp(httpUrl: string, token: string, era: Era = "legacy"): Promise<Client> {
  const client = new Client(
    { name: "test", version: "1.0.0" },
    { versionNegotiation: { mode: era === "legacy" ? "legacy" : { pin: era } } },
  );
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL("/mcp", httpUrl), { requestInit }));
  return client;
}
