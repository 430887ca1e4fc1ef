import { X509Certificate } from "node:crypto";
import { containsPrivateKey } from "./contains-private-key.ts";
import { certificateAlgorithm, otherAlgorithm } from "./key-algorithm.ts";
import { type PemBlock, readPem } from "./read-pem.ts";

/**
 * The maximum size of a certificate, in bytes. Real ones are smaller, and parse time grows faster than size (30 ms with 200 kB
 * of names).
 */
const maxCertificateBytes = 32_768;

/** The second label is of old programs, and equivalent to the first (RFC 7468, 5.1). */
const certificateLabels: ReadonlySet<string> = new Set(["CERTIFICATE", "X509 CERTIFICATE"]);

/** The certificates of a PEM text in their order, or a fault, to follow the name of the field. */
export type Certificates = { readonly certificates: readonly X509Certificate[] } | { readonly fault: string };

/**
 * Returns at most `max` certificates; a longer list is a fault. The limit exists because this runs on the main thread: 200
 * certificates take 9 ms of a processor, 23 ms when each has the most expensive key.
 */
export function readCertificates(text: string, { max }: { readonly max: number }): Certificates {
  if (containsPrivateKey(text)) return { fault: "holds a private key: it belongs into tls.key" };
  const { blocks, fault } = readPem(text);
  if (fault !== undefined) return { fault: `must be certificates in PEM: it ${fault}` };
  const other = blocks.find(({ label }) => !certificateLabels.has(label));
  if (other !== undefined) return { fault: `must be certificates in PEM: it holds ${foundInstead(other)}` };
  if (blocks.length > max) return { fault: `must be at most ${max} certificates: give those that are needed` };
  const certificates: X509Certificate[] = [];
  for (const [index, block] of blocks.entries()) {
    const which = blocks.length === 1 ? "its certificate" : `certificate ${index + 1} of ${blocks.length}`;
    const read = readCertificate(block);
    if (typeof read === "string") return { fault: `must be certificates in PEM: ${which} ${read}` };
    certificates.push(read);
  }
  return { certificates };
}

function readCertificate({ text, der, hasHeaders }: PemBlock): X509Certificate | string {
  const unreadable = "cannot be read: it is cut off, or not a certificate";
  if (hasHeaders) return unreadable;
  if (der.length > maxCertificateBytes) return `is larger than ${maxCertificateBytes} bytes`;
  // The algorithm is checked before the parse, whose cost depends on it.
  const algorithm = certificateAlgorithm(der);
  if (algorithm === undefined) return unreadable;
  if (algorithm === "other") return otherAlgorithm;
  try {
    return new X509Certificate(text);
  } catch {
    return unreadable;
  }
}

function foundInstead({ label }: PemBlock): string {
  if (label.endsWith("CERTIFICATE REQUEST")) return "a certificate request (CSR), which an authority has yet to sign";
  if (label === "X509 CRL") return "a list of revoked certificates (CRL)";
  if (label === "TRUSTED CERTIFICATE") return "a certificate in OpenSSL's own form: convert it with openssl x509";
  if (label === "PKCS7" || label === "CMS") return "a PKCS #7 bundle: convert it with openssl pkcs7 -print_certs";
  if (label.endsWith("PUBLIC KEY")) return "a public key";
  return "a block of another kind";
}
