import { readFile } from "node:fs/promises";

/** Certificates for a listener. */
export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** When set, clients must present a certificate that one of these CAs signed. */
  readonly clientCa: Buffer | undefined;
}

/** Reads the PEM files of TLS_CERT_FILE, TLS_KEY_FILE and TLS_CLIENT_CA_FILE. Rejects when a file cannot be read. */
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
