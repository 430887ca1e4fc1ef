import { createPrivateKey, type KeyObject } from "node:crypto";
import { otherAlgorithm, pkcs8Algorithm, sec1Algorithm } from "./key-algorithm.ts";
import { type PemBlock, readPem } from "./read-pem.ts";

/** RSA with 8192 bits has 4.7 kB, ML-DSA-87 4.9 kB: what a client computes with a key depends on its size. */
const maxKeyBytes = 8192;
/** A signature takes 30 ms; with twice as many bits 600 ms. */
const maxRsaBits = 8192;

/** The private key of a PEM text, or what is wrong with it, to be said after its name. */
export type PrivateKey = { readonly key: KeyObject } | { readonly fault: string };

/**
 * Reads a key that is not encrypted. To decrypt one would take as long as whoever made it has chosen, so what is encrypted
 * is refused by its label. Certificates beside the key are passed over, as TLS libraries do.
 */
export function readPrivateKey(text: string): PrivateKey {
  // By its label, before anything else is looked at: spoilt or whole, it is not what is asked for.
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

/** How the block is written, when its key is of a kind that TLS uses. */
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
