import { buildClient, type ConnectoryClient, type ConnectoryClientOptions } from "../connectory-client.ts";
import { openBrowserTransport } from "./browser-transport.ts";

export * from "../index.ts";

/**
 * Returns a client for web pages, over fetch. Throws TypeError for an invalid `baseUrl`, `tls`, and transport `grpc`. Default
 * transport: `connect`.
 */
export function createConnectoryClient(options: ConnectoryClientOptions): ConnectoryClient {
  return buildClient(options, options.transport ?? "connect", openBrowserTransport);
}
