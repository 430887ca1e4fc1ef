import { type HttpConfig, HttpConfigSchema } from "../../../gen/connectory/v1/http_config_pb.js";
import { checkHttpHeaders } from "../check-http-headers.ts";
import { checkUrl } from "../check-url.ts";
import type { Connector } from "../connector.ts";
import { checkHttpAuthentication } from "../http-authorization.ts";
import { urlTargets, withoutQuery } from "../url-target.ts";
import { checkUrlTls } from "../url-tls.ts";

/** An HTTP endpoint: polled, listened to (server-sent events) or posted to (webhook). */
export const http: Connector<HttpConfig> = {
  id: "http",
  name: "HTTP",
  description: "An HTTP endpoint: polled, listened to (server-sent events) or posted to (webhook)",
  source: true,
  sink: true,
  config: HttpConfigSchema,
  describe: ({ url }) => withoutQuery(url),
  endpoints: ({ url }) => urlTargets(url),
  check: ({ url, headers, authentication, tls }) => [
    ...checkUrl("url", url, ["http", "https"]),
    ...checkHttpHeaders(headers, { loggedIn: authentication.case !== undefined }),
    ...checkHttpAuthentication(authentication),
    ...checkUrlTls(url, tls),
  ],
  test: async (config, probe) => (await import("./test-http.ts")).testHttp(config, probe),
};
