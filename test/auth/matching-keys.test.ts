import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createNoopMeter } from "@opentelemetry/api";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { openIssuerKeys } from "../../src/auth/issuer-keys.ts";
import { asymmetricAlgorithms, createTokenVerifier } from "../../src/auth/verify-token.ts";
import { ApiError } from "../../src/errors/api-error.ts";

let server: Server;
let keySet: { keys: object[] };
beforeAll(async () => {
  server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(keySet));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const verifier = () =>
  createTokenVerifier({
    key: openIssuerKeys({
      url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`),
      log: pino({ level: "silent" }),
      meter: createNoopMeter(),
    }),
    issuer: "https://issuer.example",
    audience: "connectory",
    algorithms: asymmetricAlgorithms,
    organizationClaim: { name: "org", segments: undefined },
    rolesClaim: { name: "roles", segments: undefined },
    defaultRole: "member",
  });

const sign = (privateKey: CryptoKey, header: { alg: string; kid?: string }) =>
  new SignJWT({ org: "acme" })
    .setProtectedHeader(header)
    .setIssuer("https://issuer.example")
    .setAudience("connectory")
    .setSubject("alice")
    .setExpirationTime("1h")
    .sign(privateKey);

const outcome = (token: string) =>
  verifier()(token).then(
    ({ userId }) => userId,
    (error: unknown) => (error instanceof ApiError ? ErrorReason[error.reason] : String(error)),
  );

describe("a key of Ed25519", () => {
  test.each(["EdDSA", "Ed25519", undefined].flatMap((alg) => [[alg, "EdDSA"] as const, [alg, "Ed25519"] as const]))(
    "with alg %s verifies a token with %s (RFC 9864)",
    async (alg, named) => {
      const { publicKey, privateKey } = await generateKeyPair("Ed25519", { extractable: true });
      const { alg: _, ...jwk } = await exportJWK(publicKey);
      keySet = { keys: [{ ...jwk, kid: "one", ...(alg === undefined ? {} : { alg }) }] };
      expect(await outcome(await sign(privateKey, { alg: named, kid: "one" }))).toBe("alice");
      expect(await outcome(await sign(privateKey, { alg: named }))).toBe("alice");
      const other = await generateKeyPair("Ed25519");
      expect(await outcome(await sign(other.privateKey, { alg: named, kid: "one" }))).toBe("TOKEN_INVALID");
    },
  );

  test("for encryption, or with the algorithm of another kind of key, verifies nothing", async () => {
    const { publicKey, privateKey } = await generateKeyPair("Ed25519", { extractable: true });
    const jwk = await exportJWK(publicKey);
    for (const spoilt of [{ use: "enc" }, { alg: "ES256" }]) {
      keySet = { keys: [{ ...jwk, kid: "one", ...spoilt }] };
      expect(await outcome(await sign(privateKey, { alg: "EdDSA", kid: "one" }))).toBe("TOKEN_INVALID");
    }
  });
});

describe("a token that several keys match", () => {
  async function keys(count: number, alg = "ES256") {
    const pairs = await Promise.all(Array.from({ length: count }, () => generateKeyPair(alg, { extractable: true })));
    const jwks = await Promise.all(pairs.map(({ publicKey }) => exportJWK(publicKey)));
    return { jwks, secrets: pairs.map(({ privateKey }) => privateKey) };
  }

  test("because it names none is verified with each of them", async () => {
    const { jwks, secrets } = await keys(3);
    keySet = { keys: jwks.map((jwk, index) => ({ ...jwk, kid: `k${index}` })) };
    for (const secret of secrets) expect(await outcome(await sign(secret, { alg: "ES256" }))).toBe("alice");
    const [outsider] = (await keys(1)).secrets;
    expect(await outcome(await sign(outsider as CryptoKey, { alg: "ES256" }))).toBe("TOKEN_INVALID");
  });

  test("because they share one kid is verified with each of them, and a damaged one among them is no matter", async () => {
    const { jwks, secrets } = await keys(2, "RS256");
    keySet = {
      keys: [{ kty: "RSA", n: "AQAB", e: "!", kid: "same" }, ...jwks.map((jwk) => ({ ...jwk, kid: "same" }))],
    };
    for (const secret of secrets)
      expect(await outcome(await sign(secret, { alg: "RS256", kid: "same" }))).toBe("alice");
  });

  test("is not tried with more than 16: each costs a verification", async () => {
    const { jwks, secrets } = await keys(17);
    keySet = { keys: jwks };
    expect(await outcome(await sign(secrets[15] as CryptoKey, { alg: "ES256" }))).toBe("alice");
    expect(await outcome(await sign(secrets[16] as CryptoKey, { alg: "ES256" }))).toBe("TOKEN_INVALID");
  });

  test("that has expired is said to have expired", async () => {
    const { jwks, secrets } = await keys(2);
    keySet = { keys: jwks };
    const token = await new SignJWT({ org: "acme" })
      .setProtectedHeader({ alg: "ES256" })
      .setIssuer("https://issuer.example")
      .setAudience("connectory")
      .setSubject("alice")
      .setExpirationTime(Math.floor(Date.now() / 1000) - 3600)
      .sign(secrets[1] as CryptoKey);
    expect(await outcome(token)).toBe("TOKEN_EXPIRED");
  });
});
