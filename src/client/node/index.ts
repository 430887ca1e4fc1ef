import { buildClient, type ConnectoryClient, type ConnectoryClientOptions } from "../connectory-client.ts";
import { openNodeTransport } from "./node-transport.ts";

export * from "../index.ts";

/**
 * Returns a client. The first call opens the connection, and an idle connection does not keep the process alive. Throws
 * TypeError for an invalid `baseUrl` or transport. Default transport: `grpc`.
 */
export function createConnectoryClient(options: ConnectoryClientOptions): ConnectoryClient {
  return buildClient(options, options.transport ?? "grpc", openNodeTransport);
}
