import { createPrivateKey, type KeyObject } from "node:crypto";
import { otherAlgorithm, pkcs8Algorithm, sec1Algorithm } from "./key-algorithm.ts";
import { type PemBlock, readPem } from "./read-pem.ts";

/**
 * The maximum size of a key, in bytes: RSA with 8192 bits has 4.7 kB, ML-DSA-87 4.9 kB. The cost of a client's computations
 * with a key depends on its size.
 */
const maxKeyBytes = 8192;
/** The maximum RSA key size, in bits: a signature takes 30 ms; with twice as many bits 600 ms. */
const maxRsaBits = 8192;

/** The private key of a PEM text, or a fault, to follow the name of the field. */
export type PrivateKey = { readonly key: KeyObject } | { readonly fault: string };

/**
 * Returns an unencrypted key. The author of an encrypted key chooses the cost of its decryption, so encrypted keys are rejected
 * by their label. Certificates beside the key are ignored, as TLS libraries do.
 */
export function readPrivateKey(text: string): PrivateKey {
  // Encrypted keys are rejected first, damaged or not.
  if (encryptedLabel.test(text)) return { fault: encrypted };
  const { blocks, fault } = readPem(text);
  const keys = blocks.filter(({ label }) => label.endsWith("PRIVATE KEY"));
  if (fault !== undefined) return { fault: `must be a private key in PEM: it ${fault}` };
  const [block, second] = keys;
  if (block === undefined) return { fault: `must be a private key in PEM: it holds ${foundInstead(blocks)}` };
  if (second !== undefined) return { fault: "holds several private keys: give the one of tls.cert" };
  if (block.label === "OPENSSH PRIVATE KEY")
    return { fault: "is in OpenSSH's own form: convert it with ssh-keygen -p -m PKCS8" };
  if (block.der.length > maxKeyBytes) return { fault: `is larger than a key of RSA with ${maxRsaBits} bits` };
  const type = typeOf(block);
  if (type === undefined) return { fault: otherAlgorithm };
  try {
    const key = createPrivateKey({ key: Buffer.from(block.der), format: "der", type });
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    return bits > maxRsaBits ? { fault: `has an RSA key of ${bits} bits: at most ${maxRsaBits}` } : { key };
  } catch {
    return { fault: "must be a private key in PEM: it cannot be read" };
  }
}

const encryptedLabel = /-BEGIN ENCRYPTED PRIVATE KEY-|^Proc-Type:/m;
const encrypted =
  "is encrypted with a passphrase, which is not asked for: give the key without it, as openssl pkey writes it";

/** Returns the encoding of a block whose key algorithm TLS uses; undefined for others. */
function typeOf({ label, der }: PemBlock): "pkcs8" | "pkcs1" | "sec1" | undefined {
  if (label === "PRIVATE KEY") return pkcs8Algorithm(der) === undefined ? undefined : "pkcs8";
  if (label === "EC PRIVATE KEY") return sec1Algorithm(der) === undefined ? undefined : "sec1";
  return label === "RSA PRIVATE KEY" ? "pkcs1" : undefined;
}

function foundInstead(blocks: readonly PemBlock[]): string {
  if (blocks.some(({ label }) => label === "CERTIFICATE")) return "a certificate, which belongs into tls.cert";
  if (blocks.some(({ label }) => label.endsWith("PUBLIC KEY"))) return "a public key";
  return "none";
}
