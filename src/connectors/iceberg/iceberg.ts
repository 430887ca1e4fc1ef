import { type IcebergConfig, IcebergConfigSchema } from "../../../gen/connectory/v1/iceberg_config_pb.js";
import type { FieldViolation } from "../../errors/api-error.ts";
import type { Connector } from "../sdk/connector.ts";
import { validateToken } from "../sdk/http/http-auth.ts";
import { urlTargets, withoutQuery } from "../sdk/url.ts";
import { validateUrlTls } from "../sdk/url-tls.ts";
import { validateUrl } from "../sdk/validate-url.ts";
import { namespaceSeparator } from "./namespace-separator.ts";

/** A connector for tables behind an Iceberg REST catalog. */
export const iceberg: Connector<IcebergConfig> = {
  id: "iceberg",
  name: "Iceberg",
  description: "Tables in a lake, behind an Iceberg REST catalog",
  source: false,
  sink: true,
  config: IcebergConfigSchema,
  describe: ({ url, warehouse }) => `${withoutQuery(url)}${warehouse === "" ? "" : ` (${warehouse})`}`,
  endpoints: ({ url }) => urlTargets(url),
  validate: ({ url, token, tls, namespaceSeparator: separator }) => [
    ...validateUrl("url", url, ["http", "https"]),
    ...checkBase(url),
    ...validateToken("token", token),
    ...validateUrlTls(url, tls),
    ...checkSeparator(separator),
  ],
  test: async (config, probe) => (await import("./probe-iceberg.ts")).probeIceberg(config, probe),
  discover: async (config, probe, discovery) =>
    (await import("./discover-iceberg.ts")).discoverIceberg(config, probe, discovery),
};

function checkSeparator(text: string): readonly FieldViolation[] {
  if (namespaceSeparator(text)?.encoded === (text || "%1F")) return [];
  return [{ field: "namespace_separator", description: "must be percent-encoded for a path, such as %2E" }];
}

/** Paths of the protocol are appended to the URL. */
function checkBase(text: string): readonly FieldViolation[] {
  const url = URL.parse(text);
  if (url === null) return [];
  if (url.search !== "")
    return [{ field: "url", description: "must not have a query: warehouse has a field of its own" }];
  if (/\/v1\/*$/.test(url.pathname))
    return [{ field: "url", description: "must be without the version (/v1) at its end" }];
  return [];
}
