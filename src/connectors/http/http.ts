import { type HttpConfig, HttpConfigSchema } from "../../../gen/connectory/v1/http_config_pb.js";
import type { Connector } from "../sdk/connector.ts";
import { validateHttpAuthentication } from "../sdk/http/http-auth.ts";
import { validateHttpHeaders } from "../sdk/http/validate-http-headers.ts";
import { urlTargets, withoutQuery } from "../sdk/url.ts";
import { validateUrlTls } from "../sdk/url-tls.ts";
import { validateUrl } from "../sdk/validate-url.ts";

/** A connector for HTTP endpoints: polled, as server-sent events, or as a webhook. */
export const http: Connector<HttpConfig> = {
  id: "http",
  name: "HTTP",
  description: "An HTTP endpoint: polled, listened to (server-sent events) or posted to (webhook)",
  source: true,
  sink: true,
  config: HttpConfigSchema,
  describe: ({ url }) => withoutQuery(url),
  endpoints: ({ url }) => urlTargets(url),
  validate: ({ url, headers, authentication, tls }) => [
    ...validateUrl("url", url, ["http", "https"]),
    ...validateHttpHeaders(headers, { loggedIn: authentication.case !== undefined }),
    ...validateHttpAuthentication(authentication),
    ...validateUrlTls(url, tls),
  ],
  test: async (config, probe) => (await import("./probe-http.ts")).probeHttp(config, probe),
};
