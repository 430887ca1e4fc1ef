import { type WebsocketConfig, WebsocketConfigSchema } from "../../../gen/connectory/v1/websocket_config_pb.js";
import type { FieldViolation } from "../../errors/api-error.ts";
import type { Connector } from "../sdk/connector.ts";
import { validateHttpAuthentication } from "../sdk/http/http-auth.ts";
import { validateHttpHeaders } from "../sdk/http/validate-http-headers.ts";
import { urlTargets, withoutQuery } from "../sdk/url.ts";
import { validateUrlTls } from "../sdk/url-tls.ts";
import { validateUrl } from "../sdk/validate-url.ts";

/** A connector for messages over a WebSocket. */
export const websocket: Connector<WebsocketConfig> = {
  id: "websocket",
  name: "WebSocket",
  description: "Messages over a WebSocket",
  source: true,
  sink: false,
  config: WebsocketConfigSchema,
  describe: ({ url }) => withoutQuery(url),
  endpoints: ({ url }) => urlTargets(url),
  validate: ({ url, headers, authentication, subprotocols, tls }) => [
    ...validateUrl("url", url, ["ws", "wss"]),
    ...validateHttpHeaders(headers, { loggedIn: authentication.case !== undefined }),
    ...checkSubprotocols(subprotocols),
    ...validateHttpAuthentication(authentication),
    ...validateUrlTls(url, tls),
  ],
  test: async (config, probe) => (await import("./probe-websocket.ts")).probeWebsocket(config, probe),
};

/** Subprotocols are tokens, each once (RFC 6455, 4.1). */
function checkSubprotocols(subprotocols: readonly string[]): readonly FieldViolation[] {
  return subprotocols.flatMap((name, index) => {
    const field = `subprotocols[${index}]`;
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(name))
      return [{ field, description: "must be a token of HTTP of at most 128 characters, such as mqtt or v1.json" }];
    return subprotocols.indexOf(name) < index ? [{ field, description: "is there twice" }] : [];
  });
}
