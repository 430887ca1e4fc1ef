import { createSecureContext } from "node:tls";
import type { TlsConfig } from "../../gen/connectory/v1/tls_config_pb.js";
import type { FieldViolation } from "../failure.ts";

/** What is wrong with the PEM texts of a TLS configuration, found without dialling anybody. */
export function checkTls(tls: TlsConfig | undefined): readonly FieldViolation[] {
  if (tls === undefined) return [];
  const { ca, cert, key } = tls;
  const violations: FieldViolation[] = [];
  const report = (field: string, description: string) => violations.push({ field: `tls.${field}`, description });
  if (ca !== "" && !isAccepted({ ca })) report("ca", "must be certificates in PEM");
  if (cert !== "" && !isAccepted({ cert })) report("cert", "must be certificates in PEM");
  if (key !== "" && !isAccepted({ key })) report("key", "must be a private key in PEM without a passphrase");
  if (cert !== "" && key === "") report("key", "must come together with tls.cert");
  if (cert === "" && key !== "") report("cert", "must come together with tls.key");
  if (violations.length === 0 && cert !== "" && !isAccepted({ cert, key })) report("key", "is not the key of tls.cert");
  return violations;
}

function isAccepted(options: { ca?: string; cert?: string; key?: string }): boolean {
  try {
    createSecureContext(options);
    // OpenSSL takes an authority text without any certificate in it for an empty list.
    return options.ca === undefined || options.ca.includes("-----BEGIN");
  } catch {
    return false;
  }
}
