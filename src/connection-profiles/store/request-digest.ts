import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import type { KeyRing } from "../../secrets/keys/key-ring.ts";

/** Compares requests by digests, without storing the requests. */
export interface DigestRequest {
  /**
   * Returns the digest of a request. Keyed, because a request contains secrets: guessing them from the digest needs the
   * server's keys.
   */
  make(body: string): Promise<string>;
  matches(digest: string, body: string): Promise<boolean>;
}

/**
 * Returns digests of the form `<id of the key>:<HMAC-SHA-256 in hex>`: the id keeps a digest comparable after a key rotation.
 */
export function createRequestDigest(keys: KeyRing): DigestRequest {
  const compute = (id: string, key: Uint8Array, body: string) => {
    const own = Buffer.from(hkdfSync("sha256", key, "", "connectory request digests", 32));
    return `${id}:${createHmac("sha256", own).update(body).digest("hex")}`;
  };
  return {
    make: async (body) => {
      const { id, key } = await keys.current();
      return compute(id, key, body);
    },
    matches: async (digest, body) => {
      const known = await keys.find(digest.slice(0, digest.lastIndexOf(":")));
      if (known === undefined) return false;
      const expected = Buffer.from(compute(known.id, known.key, body));
      const actual = Buffer.from(digest);
      return actual.length === expected.length && timingSafeEqual(actual, expected);
    },
  };
}
