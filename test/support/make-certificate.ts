import { createPublicKey, type KeyObject, sign } from "node:crypto";

/** A value in DER. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  const long = [size >>> 16, (size >>> 8) & 255, size & 255].slice(size < 256 ? 2 : size < 65_536 ? 1 : 0);
  return Buffer.concat([Buffer.from([tag, ...(size < 128 ? [size] : [0x80 + long.length, ...long])]), content]);
}

/** A block of PEM. */
export function pemBlock(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

export const objectId = (hex: string) => der(6, Buffer.from(hex, "hex"));
export const integer = (bytes: Uint8Array) => der(2, Buffer.from([0]), bytes);

/** How a key of each kind signs: the identifier, and the hash. */
const signatures: Readonly<Record<string, { readonly id: Buffer; readonly hash: string | null }>> = {
  rsa: { id: der(0x30, objectId("2a864886f70d01010b"), der(5)), hash: "sha256" },
  ec: { id: der(0x30, objectId("2a8648ce3d040302")), hash: "sha256" },
  ed25519: { id: der(0x30, objectId("2b6570")), hash: null },
};

/** A certificate of a key for itself, in PEM, valid until 2050. */
export function selfSigned(key: KeyObject, name = "made for a test"): string {
  return pemBlock(
    "CERTIFICATE",
    certificateOf(key, createPublicKey(key).export({ type: "spki", format: "der" }), name),
  );
}

/** The same in DER, for any bytes where its key belongs: then it has a signature, and nobody could check it. */
export function certificateOf(signer: KeyObject, spki: Uint8Array, name: string): Buffer {
  const { id, hash } = signatures[signer.asymmetricKeyType ?? ""] ?? { id: der(5), hash: null };
  const subject = der(0x30, der(0x31, der(0x30, objectId("550403"), der(0x0c, Buffer.from(name)))));
  const time = (text: string) => der(0x17, Buffer.from(text));
  const validity = der(0x30, time("200101000000Z"), time("491231235959Z"));
  const version = der(0xa0, der(2, Buffer.from([2])));
  const body = der(0x30, version, der(2, Buffer.from([1])), id, subject, validity, subject, spki);
  return der(0x30, body, id, der(3, Buffer.from([0]), sign(hash, body, signer)));
}

/** A certificate to be issued. */
export interface CertificateOptions {
  /** The subject, and its key. */
  readonly name: string;
  readonly key: KeyObject;
  /** Who signs; the subject itself when absent. */
  readonly issuer?: { readonly name: string; readonly key: KeyObject };
  /** True for an authority; otherwise it is for a server on this machine. */
  readonly authority?: boolean;
  /** True to sign it with RSA and SHA-1, as it was done until 2016. */
  readonly sha1?: boolean;
}

const rsaWithSha1 = { id: der(0x30, objectId("2a864886f70d010105"), der(5)), hash: "sha1" };

/** A certificate with the extensions that TLS looks at, in PEM, valid until 2050. */
export function issueCertificate(options: CertificateOptions): string {
  const { name, key, issuer = { name, key }, authority = false, sha1 = false } = options;
  const { id, hash } = sha1
    ? rsaWithSha1
    : (signatures[issuer.key.asymmetricKeyType ?? ""] ?? { id: der(5), hash: null });
  const named = (text: string) => der(0x30, der(0x31, der(0x30, objectId("550403"), der(0x0c, Buffer.from(text)))));
  const time = (text: string) => der(0x17, Buffer.from(text));
  const extension = (oid: string, value: Buffer) => der(0x30, objectId(oid), der(4, value));
  const here = der(0x30, der(0x82, Buffer.from("localhost")), der(0x87, Buffer.from([127, 0, 0, 1])));
  const extensions = authority
    ? [extension("551d13", der(0x30, der(1, Buffer.from([0xff]))))]
    : [extension("551d11", here)];
  const body = der(
    0x30,
    der(0xa0, der(2, Buffer.from([2]))),
    der(2, Buffer.from([1])),
    id,
    named(issuer.name),
    der(0x30, time("200101000000Z"), time("491231235959Z")),
    named(name),
    createPublicKey(key).export({ type: "spki", format: "der" }),
    der(0xa3, der(0x30, ...extensions)),
  );
  const signature = der(3, Buffer.from([0]), sign(hash, body, issuer.key));
  return pemBlock("CERTIFICATE", der(0x30, body, id, signature));
}
