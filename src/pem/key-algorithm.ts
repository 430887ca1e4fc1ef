import { type DerValue, derTag, readDer, readSequence } from "./read-der.ts";

/** An algorithm of keys that TLS uses; `other` for the rest. */
export type KeyAlgorithm = "RSA" | "RSA-PSS" | "EC" | "Ed25519" | "Ed448" | "ML-DSA" | "other";

/**
 * The key algorithms of TLS, by object identifier (DER, hexadecimal). Parsing a key of another algorithm has no bounded cost:
 * for DSA it computes a power.
 */
const algorithms: ReadonlyMap<string, KeyAlgorithm> = new Map<string, KeyAlgorithm>([
  ["2a864886f70d010101", "RSA"],
  ["2a864886f70d01010a", "RSA-PSS"],
  ["2a8648ce3d0201", "EC"],
  ["2b6570", "Ed25519"],
  ["2b6571", "Ed448"],
  ["608648016503040311", "ML-DSA"],
  ["608648016503040312", "ML-DSA"],
  ["608648016503040313", "ML-DSA"],
]);

/** The curves of TLS (RFC 8422, 8446, 8734): P-256, P-384, P-521, secp256k1, brainpoolP256r1, P384r1 and P512r1. */
const curves: ReadonlySet<string> = new Set([
  ...["2a8648ce3d030107", "2b81040022", "2b81040023", "2b8104000a"],
  ...["2b2403030208010107", "2b240303020801010b", "2b240303020801010d"],
]);

/** The fault of a key with another algorithm, to follow the name of its field. */
export const otherAlgorithm =
  "has a key that TLS does not use: take RSA, one of the elliptic curves of TLS by its name, Ed25519, Ed448 or ML-DSA";

/**
 * Returns the algorithm of the key in a certificate: `other` for an algorithm outside the table, undefined when the bytes are
 * not a certificate.
 */
export function certificateAlgorithm(der: Uint8Array): KeyAlgorithm | undefined {
  const [body] = readSequence(der, 1) ?? [];
  const fields = body?.tag === derTag.sequence ? (readDer(body.content, 8) ?? []) : [];
  // X.509 version 1 has no version field. The other fields are: serial number, signature, issuer, validity, subject, key.
  const key = fields[fields[0]?.tag === derTag.context0 ? 6 : 5];
  return key?.tag === derTag.sequence ? (algorithmOf(readDer(key.content, 1)?.[0]) ?? "other") : undefined;
}

/** Returns the algorithm of a private key in PKCS #8; undefined for others. An encrypted key does not begin with an integer. */
export function pkcs8Algorithm(der: Uint8Array): KeyAlgorithm | undefined {
  const [version, algorithm] = readSequence(der, 2) ?? [];
  return version?.tag === derTag.integer ? algorithmOf(algorithm) : undefined;
}

/** Returns the algorithm of a private key in the form of RFC 5915, of named curves; undefined for others. */
export function sec1Algorithm(der: Uint8Array): KeyAlgorithm | undefined {
  const curve = (readSequence(der, 4) ?? []).find(({ tag }) => tag === derTag.context0);
  return curve !== undefined && isNamed(readDer(curve.content, 1)?.[0]) ? "EC" : undefined;
}

function algorithmOf(identifier: DerValue | undefined): KeyAlgorithm | undefined {
  if (identifier?.tag !== derTag.sequence) return undefined;
  const [id, parameters] = readDer(identifier.content, 2) ?? [];
  const algorithm = algorithms.get(objectId(id));
  // Explicit curve parameters are rejected: a caller could choose some that are expensive to compute with.
  return algorithm === "EC" && !isNamed(parameters) ? undefined : algorithm;
}

function isNamed(curve: DerValue | undefined): boolean {
  return curves.has(objectId(curve));
}

function objectId(value: DerValue | undefined): string {
  return value?.tag === derTag.objectId ? Buffer.from(value.content).toString("hex") : "";
}
