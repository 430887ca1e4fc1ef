import { assembleClient, type ConnectoryClient, type ConnectoryClientOptions } from "../connectory-client.ts";
import { openBrowserTransport } from "./open-browser-transport.ts";

export * from "../index.ts";

/** Makes a client for web pages, over fetch. Throws TypeError for options that cannot work in a page. */
export function createConnectoryClient(options: ConnectoryClientOptions): ConnectoryClient {
  return assembleClient(options, options.transport ?? "connect", openBrowserTransport);
}
