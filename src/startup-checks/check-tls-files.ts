import { createSecureContext } from "node:tls";
import { readSmallFile } from "../config/small-file.ts";
import { readCertificates } from "../pem/read-certificates.ts";
import { readPem } from "../pem/read-pem.ts";
import { readPrivateKey } from "../pem/read-private-key.ts";
import type { Fault } from "./check-listen-addresses.ts";
import { withoutKeys } from "./expired-certificate.ts";

/** The maximum number of certificates of a chain, and of authorities, that are looked at for a description. */
const maxCertificates = 1000;

/**
 * Returns the faults of the files of TLS_CERT_FILE, TLS_KEY_FILE and TLS_CLIENT_CA_FILE. OpenSSL decides whether certificate and
 * key can be used, and `src/pem` describes why not: a pair that works is never rejected.
 */
export function checkTlsFiles(files: { certFile: string; keyFile: string; clientCaFile: string | undefined }): Fault[] {
  const cert = readSmallFile(files.certFile);
  const key = readSmallFile(files.keyFile);
  const clientCa = files.clientCaFile === undefined ? undefined : readSmallFile(files.clientCaFile);
  const faults: Fault[] = [];
  if ("fault" in cert) faults.push(["TLS_CERT_FILE", cert.fault]);
  if ("fault" in key) faults.push(["TLS_KEY_FILE", key.fault]);
  if ("text" in cert && "text" in key) faults.push(...pairFaults(files, cert.text, key.text));
  if (clientCa !== undefined && "fault" in clientCa) faults.push(["TLS_CLIENT_CA_FILE", clientCa.fault]);
  if (clientCa !== undefined && "text" in clientCa) {
    const read = readCertificates(clientCa.text, { max: maxCertificates });
    if ("fault" in read) faults.push(["TLS_CLIENT_CA_FILE", `${files.clientCaFile} ${inOwnNames(read.fault)}`]);
  }
  return faults;
}

function pairFaults(files: { certFile: string; keyFile: string }, cert: string, key: string): Fault[] {
  const objection = objectionOf(cert, key);
  if (objection === undefined) return [];
  if (holds(cert, "PRIVATE KEY") && !holds(cert, "CERTIFICATE") && holds(key, "CERTIFICATE"))
    return [["TLS_CERT_FILE", "holds a private key, and TLS_KEY_FILE a certificate: swap the two"]];
  const pair = readPrivateKey(key);
  const chain = readCertificates(withoutKeys(cert), { max: maxCertificates });
  const faults: Fault[] = [];
  if ("fault" in chain) faults.push(["TLS_CERT_FILE", `${files.certFile} ${inOwnNames(chain.fault)}`]);
  if ("fault" in pair) faults.push(["TLS_KEY_FILE", `${files.keyFile} ${inOwnNames(pair.fault)}`]);
  if ("fault" in chain || "fault" in pair) return faults;
  const at = chain.certificates.findIndex((one) => one.checkPrivateKey(pair.key));
  if (at === -1)
    return [
      ["TLS_KEY_FILE", "is not the key of the certificate in TLS_CERT_FILE: name the two that were issued together"],
    ];
  if (at > 0)
    return [
      ["TLS_CERT_FILE", `must begin with the server's own certificate, which is number ${at + 1}: move it to the top`],
    ];
  return [
    ["TLS_CERT_FILE", `cannot be used for TLS together with TLS_KEY_FILE (${objection}): have a new pair issued`],
  ];
}

/** Returns the code of OpenSSL's objection to a certificate chain and its key; undefined without one. */
function objectionOf(cert: string, key: string): string | undefined {
  try {
    createSecureContext({ ca: [], cert, key }); // an empty list prevents the load of Node's built-in authorities
    return undefined;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code ?? "refused");
  }
}

const holds = (text: string, label: string) => readPem(text).blocks.some((block) => block.label.endsWith(label));

/** The fields of a connector's TLS settings, which the descriptions of `src/pem` name. */
function inOwnNames(fault: string): string {
  return fault.replaceAll("tls.key", "TLS_KEY_FILE").replaceAll("tls.cert", "TLS_CERT_FILE");
}
