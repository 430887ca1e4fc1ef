import { create } from "@bufbuild/protobuf";
import { type TlsConfig, TlsConfigSchema } from "../../../gen/connectory/v1/tls_config_pb.js";
import type { FieldViolation } from "../../errors/api-error.ts";
import { isEncrypted } from "./url.ts";
import { validateTls } from "./validate-tls.ts";

/** Returns the TLS settings of a URL: `https` and `wss` enable TLS without further settings; other schemes have none. */
export function urlTls(url: URL, tls: TlsConfig | undefined): TlsConfig | undefined {
  return isEncrypted(url) ? (tls ?? create(TlsConfigSchema)) : undefined;
}

/**
 * Returns the violations of the TLS settings that accompany a URL. `prefix` begins the field paths, such as `schema_registry.`;
 * default: empty.
 */
export function validateUrlTls(text: string, tls: TlsConfig | undefined, prefix = ""): readonly FieldViolation[] {
  const url = URL.parse(text);
  const contradiction =
    tls === undefined || url === null || isEncrypted(url)
      ? []
      : [{ field: "tls", description: `cannot go with a URL in clear: take ${url.protocol.replace(":", "s")}` }];
  return [...contradiction, ...validateTls(tls)].map(({ field, description }) => ({
    field: `${prefix}${field}`,
    description,
  }));
}
