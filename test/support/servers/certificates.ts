import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What a server shows its clients: all right, out of date since 2021, or made for another name (broker.example). */
export type Certificate = "good" | "expired" | "other-name";

/** One port a certificate, the same server behind each. */
export type TlsPorts = Readonly<Record<Certificate, number>>;

/** PEM texts. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

const folder = join(import.meta.dirname, "../certificates");
const file = (name: string) => join(folder, `${name}.pem`);
const text = (name: string) => readFileSync(file(name), "utf8");
const names: Record<Certificate, string> = { good: "server", expired: "expired", "other-name": "other-name" };

/** Signed every certificate of a server. PEM. */
export const authority = text("authority");
/** Signed none of them: the wrong one to trust. PEM. */
export const otherAuthority = text("other-authority");
/** What a client shows where it is asked for a certificate (`mutual`). */
export const client: KeyPair = { cert: text("client"), key: text("client-key") };
/** A client's certificate that no server here accepts. */
export const otherClient: KeyPair = { cert: text("other-client"), key: text("other-client-key") };

/** The file of the authority, for servers that check clients. */
export const authorityFile = file("authority");

/** The files of a certificate, for servers that read their own. */
export function certificateFiles(certificate: Certificate): KeyPair {
  return { cert: file(names[certificate]), key: file(`${names[certificate]}-key`) };
}

/** The same as texts. */
export function certificateTexts(certificate: Certificate): KeyPair {
  return { cert: text(names[certificate]), key: text(`${names[certificate]}-key`) };
}
