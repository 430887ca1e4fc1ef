import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { exportJWK, generateKeyPair, importJWK, type JWK, type JWTVerifyGetKey, SignJWT } from "jose";
import { readObject, readOrMakePrivateFile, readPrivateFile } from "../config/private-file.ts";

/** The `iss` of tokens that the local development issuer makes. */
export const localIssuer = "connectory-local";
/** The `aud` of tokens that the local development issuer makes. */
export const localAudience = "connectory";
/** The claims that hold organization and roles in the local issuer's tokens. */
export const localClaims = { organization: "org", roles: "roles" } as const;

/** The signature algorithm of the local development issuer; tokens with another one are rejected. */
export const localAlgorithm = "ES256";

/** The content of a local token. */
export interface LocalToken {
  readonly userId: string;
  readonly organizationId: string;
  readonly roles: readonly string[];
  /** The lifetime, such as `12h` or `30d`. */
  readonly lifetime: string;
}

/** The local development issuer. Its key is in DATA_DIR: every user with read access to that folder can issue tokens. */
export interface LocalIssuer {
  readonly verificationKey: JWTVerifyGetKey;
  issue(token: LocalToken): Promise<string>;
}

/** Returns the issuer with the key in `dataDir`, created on first use. Throws for a damaged key file. */
export async function openLocalIssuer(dataDir: string): Promise<LocalIssuer> {
  const file = keyFileOf(dataDir);
  return createIssuer(await readKey(file, await readOrMakePrivateFile(file, makeKey)));
}

/**
 * Returns the issuer of a server that has run with this `dataDir`. Throws for a folder without a key: a new one would sign
 * tokens that no server accepts, or become the key of the next server that starts there. Throws for a damaged key file.
 */
export async function findLocalIssuer(dataDir: string): Promise<LocalIssuer> {
  const file = keyFileOf(dataDir);
  const text = await readPrivateFile(file);
  if (text === undefined)
    throw new Error(
      `DATA_DIR ${dataDir} holds no key of the local issuer (issuer-key.json): set DATA_DIR to the folder of the running server, or start the service there first`,
    );
  return createIssuer(await readKey(file, text));
}

const keyFileOf = (dataDir: string) => join(dataDir, "issuer-key.json");

interface IssuerKey {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

function createIssuer({ privateKey, publicKey }: IssuerKey): LocalIssuer {
  return {
    verificationKey: async () => publicKey,
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

/** Reads the key from the text of its file. Throws for a damaged file; its content is in no error. */
async function readKey(file: string, text: string): Promise<IssuerKey> {
  const jwk = readObject<JWK>(text);
  try {
    const { d, ...publicJwk } = jwk as JWK;
    if (typeof d !== "string") throw new Error("no private key");
    const privateKey = (await importJWK({ ...publicJwk, d }, localAlgorithm)) as CryptoKey;
    return { privateKey, publicKey: (await importJWK(publicJwk, localAlgorithm)) as CryptoKey };
  } catch {
    throw new Error(
      `${file}: the file is damaged: it has no key that signs tokens. Put it back from a backup, or remove it: then a new key is made, and the tokens of the old one are refused`,
    );
  }
}

async function makeKey(): Promise<string> {
  const { privateKey } = await generateKeyPair(localAlgorithm, { extractable: true });
  return JSON.stringify(await exportJWK(privateKey));
}
