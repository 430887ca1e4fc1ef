import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

/** An external issuer of tokens for a test: its keys are served on loopback. */
export interface TestIssuer {
  /** What a service needs in its environment to accept its tokens. */
  readonly environment: Record<string, string>;
  /** A token of user `ann` with these claims; what is undefined is left out. `key` is that of another issuer. */
  sign(
    claims: Record<string, unknown>,
    options?: { kid?: string; key?: CryptoKey; algorithm?: string },
  ): Promise<string>;
  stop(): void;
}

const name = "https://login.example/realm";

export async function startIssuer(): Promise<TestIssuer> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const keySet = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), alg: "ES256", kid: "k" }] });
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "application/json").end(keySet);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    environment: { AUTH_ISSUER: name, AUTH_AUDIENCE: "us", AUTH_JWKS_URL: `http://127.0.0.1:${port}/keys` },
    sign: async (claims, { kid = "k", key = privateKey, algorithm = "ES256" } = {}) => {
      const now = Math.floor(Date.now() / 1000);
      const payload = { sub: "ann", org: "acme", iss: name, aud: "us", exp: now + 3600, ...claims };
      return new SignJWT(payload).setProtectedHeader({ alg: algorithm, kid }).sign(key);
    },
    stop: () => server.close(),
  };
}
