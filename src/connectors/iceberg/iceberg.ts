import { type IcebergConfig, IcebergConfigSchema } from "../../../gen/connectory/v1/iceberg_config_pb.js";
import type { FieldViolation } from "../../failure.ts";
import { checkUrl } from "../check-url.ts";
import type { Connector } from "../connector.ts";
import { checkToken } from "../http-authorization.ts";
import { urlTargets, withoutQuery } from "../url-target.ts";
import { checkUrlTls } from "../url-tls.ts";

/** Tables in a lake, behind an Iceberg REST catalog. */
export const iceberg: Connector<IcebergConfig> = {
  id: "iceberg",
  name: "Iceberg",
  description: "Tables in a lake, behind an Iceberg REST catalog",
  source: false,
  sink: true,
  config: IcebergConfigSchema,
  describe: ({ url, warehouse }) => `${withoutQuery(url)}${warehouse === "" ? "" : ` (${warehouse})`}`,
  endpoints: ({ url }) => urlTargets(url),
  check: ({ url, token, tls }) => [
    ...checkUrl("url", url, ["http", "https"]),
    ...checkBase(url),
    ...checkToken("token", token),
    ...checkUrlTls(url, tls),
  ],
  test: async (config, probe) => (await import("./test-iceberg.ts")).testIceberg(config, probe),
  discover: async (config, probe, question) =>
    (await import("./discover-iceberg.ts")).discoverIceberg(config, probe, question),
};

/** Paths of the protocol are put behind the URL. */
function checkBase(text: string): readonly FieldViolation[] {
  const url = URL.parse(text);
  if (url === null) return [];
  if (url.search !== "")
    return [{ field: "url", description: "must not have a query: warehouse has a field of its own" }];
  if (/\/v1\/*$/.test(url.pathname))
    return [{ field: "url", description: "must be without the version (/v1) at its end" }];
  return [];
}
