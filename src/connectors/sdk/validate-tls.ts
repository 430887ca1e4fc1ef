import type { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { TlsConfig } from "../../../gen/connectory/v1/tls_config_pb.js";
import type { FieldViolation } from "../../errors/api-error.ts";
import { type Certificates, readCertificates } from "../../pem/read-certificates.ts";
import { type PrivateKey, readPrivateKey } from "../../pem/read-private-key.ts";
import { errorCode } from "./translate-error.ts";
import { validateHost } from "./validate-host.ts";

/** The maximum number of certificate authorities; browsers and systems have about 150. */
const maxAuthorities = 200;
/** The maximum number of certificates in the client's chain. */
const maxChain = 16;
/** The minimum RSA key size, in bits; OpenSSL accepts no smaller one. */
const minRsaBits = 2048;

/**
 * Returns the violations of the PEM texts in TLS settings, without a connection. The cost does not depend on the content: see
 * the limits in `src/pem`.
 */
export function validateTls(tls: TlsConfig | undefined): readonly FieldViolation[] {
  if (tls === undefined) return [];
  const violations: FieldViolation[] = [];
  const report = (field: string, description: string) => violations.push({ field: `tls.${field}`, description });
  const ca = tls.ca === "" ? undefined : readCertificates(tls.ca, { max: maxAuthorities });
  const cert = tls.cert === "" ? undefined : readCertificates(tls.cert, { max: maxChain });
  const key = tls.key === "" ? undefined : readPrivateKey(tls.key);
  violations.push(...validateHost("tls.server_name", tls.serverName));
  if (ca !== undefined) {
    const fault = "fault" in ca ? ca.fault : faultOfAuthorities(ca);
    if (fault !== undefined) report("ca", fault);
  }
  if (cert !== undefined && "fault" in cert) report("cert", cert.fault);
  if (key !== undefined && "fault" in key) report("key", key.fault);
  if (cert !== undefined && key === undefined) report("key", "must come together with tls.cert");
  if (cert === undefined && key !== undefined) report("cert", "must come together with tls.key");
  if (violations.length === 0 && cert !== undefined && key !== undefined) {
    const [field, fault] = faultOfPair(cert, key) ?? faultOfUse(tls) ?? [];
    if (field !== undefined && fault !== undefined) report(field, fault);
  }
  return violations;
}

/**
 * Returns the fault of authorities none of which OpenSSL takes. Beside a stronger one a weak authority is of no use and does no
 * harm, as in the bundles of systems.
 */
function faultOfAuthorities({ certificates }: { readonly certificates: readonly X509Certificate[] }) {
  return certificates.some((_, index) => faultOfKey(certificates, index) === undefined)
    ? undefined
    : faultOfKey(certificates, 0);
}

/** Returns the fault of the RSA key of a certificate, to follow the name of its field; undefined without one. */
function faultOfKey(certificates: readonly X509Certificate[], index: number): string | undefined {
  const bits = rsaBits(certificates[index]) ?? minRsaBits;
  const which = certificates.length === 1 ? "" : ` in certificate ${index + 1} of ${certificates.length}`;
  return bits < minRsaBits ? `has an RSA key of ${bits} bits${which}: TLS takes ${minRsaBits} and more` : undefined;
}

/** Returns the size of an RSA key; undefined for another key, and for one that OpenSSL cannot read. */
function rsaBits(certificate: X509Certificate | undefined): number | undefined {
  try {
    return certificate?.publicKey.asymmetricKeyDetails?.modulusLength;
  } catch {
    return undefined;
  }
}

type Fault = readonly [field: string, description: string];

function faultOfPair(chain: Certificates, pair: PrivateKey): Fault | undefined {
  if (!("certificates" in chain && "key" in pair)) return undefined;
  const { certificates } = chain;
  const at = certificates.findIndex((one) => one.checkPrivateKey(pair.key));
  if (at === -1) return ["key", "is not the key of tls.cert"];
  if (at > 0)
    return ["cert", `must begin with the certificate of tls.key, which is number ${at + 1}: its issuers come after it`];
  const weak = certificates.map((_, index) => faultOfKey(certificates, index)).find((fault) => fault !== undefined);
  return weak === undefined ? undefined : ["cert", weak];
}

/** Returns the objection of OpenSSL to the certificate and key. */
function faultOfUse({ cert, key }: TlsConfig): Fault | undefined {
  try {
    // An empty list prevents the load of Node's built-in authorities.
    createSecureContext({ ca: [], cert, key });
    return undefined;
  } catch (error) {
    return ["cert", `cannot be used for TLS together with tls.key (${errorCode(error) || "refused"})`];
  }
}
