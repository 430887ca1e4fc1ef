import { buildClient, type ConnectoryClient, type ConnectoryClientOptions } from "../connectory-client.ts";
import { openNodeTransport } from "./node-transport.ts";

export * from "../index.ts";

/**
 * Makes a client. Nothing is dialled before the first call, and an idle connection keeps no process alive. Throws
 * TypeError for options that cannot work together.
 */
export function createConnectoryClient(options: ConnectoryClientOptions): ConnectoryClient {
  return buildClient(options, options.transport ?? "grpc", openNodeTransport);
}
