import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { exportJWK, generateKeyPair, importJWK, type JWK, type JWTVerifyGetKey, SignJWT } from "jose";
import { readOrMakePrivateFile } from "../private-file.ts";

/** The `iss` of tokens that the local development issuer makes. */
export const localIssuer = "connectory-local";
/** The `aud` of tokens that the local development issuer makes. */
export const localAudience = "connectory";
/** The claims that hold organization and roles in the local issuer's tokens. */
export const localClaims = { organization: "org", roles: "roles" } as const;

/** How the local development issuer signs, and the only way that its tokens may be signed. */
export const localAlgorithm = "ES256";

/** What a local token shall say. */
export interface LocalToken {
  readonly userId: string;
  readonly organizationId: string;
  readonly roles: readonly string[];
  /** How long it is good for, such as `12h` or `30d`. */
  readonly lifetime: string;
}

/** The local development issuer: its key lives in DATA_DIR, so whoever can read that folder can make tokens. */
export interface LocalIssuer {
  readonly verificationKey: JWTVerifyGetKey;
  issue(token: LocalToken): Promise<string>;
}

/** Opens the issuer whose key lies in `dataDir`, making the key on first use. */
export async function openLocalIssuer(dataDir: string): Promise<LocalIssuer> {
  const jwk = JSON.parse(await readOrMakePrivateFile(join(dataDir, "issuer-key.json"), makeKey)) as JWK;
  const privateKey = await importJWK(jwk, localAlgorithm);
  const { d: _private, ...publicJwk } = jwk;
  const publicKey = await importJWK(publicJwk, localAlgorithm);
  return {
    verificationKey: async () => publicKey as CryptoKey,
    issue: ({ userId, organizationId, roles, lifetime }) =>
      new SignJWT({ [localClaims.organization]: organizationId, [localClaims.roles]: roles })
        .setProtectedHeader({ alg: localAlgorithm })
        .setIssuer(localIssuer)
        .setAudience(localAudience)
        .setSubject(userId)
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime(lifetime)
        .sign(privateKey),
  };
}

async function makeKey(): Promise<string> {
  const { privateKey } = await generateKeyPair(localAlgorithm, { extractable: true });
  return JSON.stringify(await exportJWK(privateKey));
}
