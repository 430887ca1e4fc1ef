import { type WebsocketConfig, WebsocketConfigSchema } from "../../../gen/connectory/v1/websocket_config_pb.js";
import type { FieldViolation } from "../../failure.ts";
import { checkHttpHeaders } from "../check-http-headers.ts";
import { checkUrl } from "../check-url.ts";
import type { Connector } from "../connector.ts";
import { checkHttpAuthentication } from "../http-authorization.ts";
import { urlTargets, withoutQuery } from "../url-target.ts";
import { checkUrlTls } from "../url-tls.ts";

/** Messages over a WebSocket. */
export const websocket: Connector<WebsocketConfig> = {
  id: "websocket",
  name: "WebSocket",
  description: "Messages over a WebSocket",
  source: true,
  sink: false,
  config: WebsocketConfigSchema,
  describe: ({ url }) => withoutQuery(url),
  endpoints: ({ url }) => urlTargets(url),
  check: ({ url, headers, authentication, subprotocols, tls }) => [
    ...checkUrl("url", url, ["ws", "wss"]),
    ...checkHttpHeaders(headers, { loggedIn: authentication.case !== undefined }),
    ...checkSubprotocols(subprotocols),
    ...checkHttpAuthentication(authentication),
    ...checkUrlTls(url, tls),
  ],
  test: async (config, probe) => (await import("./test-websocket.ts")).testWebsocket(config, probe),
};

/** RFC 6455, 4.1: tokens, each once. */
function checkSubprotocols(subprotocols: readonly string[]): readonly FieldViolation[] {
  return subprotocols.flatMap((name, index) => {
    const field = `subprotocols[${index}]`;
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(name))
      return [{ field, description: "must be a token of HTTP of at most 128 characters, such as mqtt or v1.json" }];
    return subprotocols.indexOf(name) < index ? [{ field, description: "is there twice" }] : [];
  });
}
