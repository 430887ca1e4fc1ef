import { create } from "@bufbuild/protobuf";
import { type TlsConfig, TlsConfigSchema } from "../../../gen/connectory/v1/tls_config_pb.js";
import type { FieldViolation } from "../../errors/api-error.ts";
import { isEncrypted } from "./url.ts";
import { validateTls } from "./validate-tls.ts";

/** The TLS that a URL asks for: `https` and `wss` turn it on without further settings, other schemes have none. */
export function urlTls(url: URL, tls: TlsConfig | undefined): TlsConfig | undefined {
  return isEncrypted(url) ? (tls ?? create(TlsConfigSchema)) : undefined;
}

/** What is wrong with the TLS beside a URL, in the fields below `prefix`, such as `schema_registry.`. */
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
