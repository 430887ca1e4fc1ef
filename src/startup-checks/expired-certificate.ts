import { readSmallFile } from "../config/small-file.ts";
import { readCertificates } from "../pem/read-certificates.ts";

/** The maximum number of certificates of the chain that are read. */
const maxCertificates = 16;
/** Days before the end of a certificate from which a warning is given: an automatic renewal is due by then. */
const warningDays = 14;

/**
 * Returns a warning when a certificate of TLS_CERT_FILE is not valid at a time (milliseconds since 1970), or soon will not be;
 * undefined when all are. A file that cannot be read gives none: `checkTlsFiles` describes it.
 */
export function expiredCertificate(certFile: string, now: number): string | undefined {
  const file = readSmallFile(certFile);
  const chain = "text" in file ? readCertificates(withoutKeys(file.text), { max: maxCertificates }) : undefined;
  if (chain === undefined || "fault" in chain) return undefined;
  for (const { validFromDate, validToDate } of chain.certificates) {
    const end = validToDate.toISOString().slice(0, 10);
    if (validToDate.getTime() < now)
      return `TLS_CERT_FILE: a certificate in ${certFile} has expired on ${end}: renew it, callers that verify it do not connect`;
    if (validFromDate.getTime() > now)
      return `TLS_CERT_FILE: a certificate in ${certFile} is not valid yet: check the clock of this machine, or wait until ${validFromDate.toISOString()}`;
    if (validToDate.getTime() < now + warningDays * 24 * 3_600_000)
      return `TLS_CERT_FILE: a certificate in ${certFile} expires on ${end}: renew it, and start the service again with the new one`;
  }
  return undefined;
}

/** Returns a PEM text without private keys: a file with chain and key in one is common, and OpenSSL reads it. */
export function withoutKeys(text: string): string {
  return text.replaceAll(/-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----/gs, "");
}
