import { readFile } from "node:fs/promises";

/** Certificates for a listener. */
export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Set: clients must bring a certificate that one of these signed. */
  readonly clientCa: Buffer | undefined;
}

/** Reads the PEM files that TLS_CERT_FILE, TLS_KEY_FILE and TLS_CLIENT_CA_FILE name. */
export async function readTlsFiles(files: {
  certFile: string;
  keyFile: string;
  clientCaFile: string | undefined;
}): Promise<TlsFiles> {
  const [cert, key, clientCa] = await Promise.all([
    readFile(files.certFile),
    readFile(files.keyFile),
    files.clientCaFile === undefined ? undefined : readFile(files.clientCaFile),
  ]);
  return { cert, key, clientCa };
}
