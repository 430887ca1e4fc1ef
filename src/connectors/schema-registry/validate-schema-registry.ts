import type { SchemaRegistryConfig } from "../../../gen/connectory/v1/schema_registry_config_pb.js";
import type { FieldViolation } from "../../errors/api-error.ts";
import { validateUrlTls } from "../sdk/url-tls.ts";
import { validateUrl } from "../sdk/validate-url.ts";

/** Returns the violations of a schema registry's configuration. `prefix` begins the field paths, such as `schema_registry.`. */
export function validateSchemaRegistry(
  config: SchemaRegistryConfig | undefined,
  prefix: string,
): readonly FieldViolation[] {
  if (config === undefined) return [];
  const { endpoint, apiKey, apiSecret, tls } = config;
  return [
    ...validateUrl(`${prefix}endpoint`, endpoint, ["http", "https"]),
    ...validateUrlTls(endpoint, tls, prefix),
    ...(apiKey === "" && apiSecret !== ""
      ? [{ field: `${prefix}api_key`, description: "must come together with api_secret" }]
      : []),
    ...(apiKey.includes(":") ? [{ field: `${prefix}api_key`, description: "must not hold a colon (RFC 7617)" }] : []),
  ];
}
