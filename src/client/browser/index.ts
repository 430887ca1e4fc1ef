import { buildClient, type ConnectoryClient, type ConnectoryClientOptions } from "../connectory-client.ts";
import { openBrowserTransport } from "./browser-transport.ts";

export * from "../index.ts";

/** Makes a client for web pages, over fetch. Throws TypeError for options that cannot work in a page. */
export function createConnectoryClient(options: ConnectoryClientOptions): ConnectoryClient {
  return buildClient(options, options.transport ?? "connect", openBrowserTransport);
}
