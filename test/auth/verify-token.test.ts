import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createRemoteJWKSet, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { asymmetricAlgorithms, createTokenVerifier } from "../../src/auth/verify-token.ts";
import { ApiError } from "../../src/errors/api-error.ts";

const issuer = "https://issuer.example";
const audience = "connectory";
const claims = {
  organizationClaim: { name: "org", segments: undefined },
  rolesClaim: { name: "roles", segments: undefined },
  defaultRole: undefined,
  algorithms: asymmetricAlgorithms,
};

let server: Server;
let keySet: { keys: object[] };
let fetched = 0;
let url: URL;

beforeAll(async () => {
  server = createServer((_request, response) => {
    fetched += 1;
    response.setHeader("content-type", "application/json").end(JSON.stringify(keySet));
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`);
});
afterAll(() => server.close());
afterEach(() => void vi.useRealTimers());

async function newKey(kid: string, algorithm = "ES256") {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  return { kid, privateKey, public: { ...(await exportJWK(publicKey)), kid, alg: algorithm } };
}

interface Wish {
  aud?: string;
  iss?: string;
  expiresIn?: number;
  payload?: Record<string, unknown>;
}

function sign(
  key: Awaited<ReturnType<typeof newKey>>,
  { aud = audience, iss = issuer, expiresIn = 60, payload = {} }: Wish = {},
) {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ sub: "alice", org: "acme", ...payload })
    .setProtectedHeader({ alg: key.public.alg, kid: key.kid })
    .setIssuer(iss)
    .setAudience(aud)
    .setExpirationTime(now + expiresIn)
    .sign(key.privateKey);
}

async function reasonOf(call: Promise<unknown>): Promise<string | undefined> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof ApiError ? ErrorReason[error.reason] : String(error);
}

describe("tokens of an external issuer", async () => {
  let key: Awaited<ReturnType<typeof newKey>>;
  const verifier = () =>
    createTokenVerifier({ key: createRemoteJWKSet(url, { cooldownDuration: 0 }), issuer, audience, ...claims });
  beforeEach(async () => {
    key = await newKey("first");
    keySet = { keys: [key.public] };
    fetched = 0;
  });

  test("a good token names the caller", async () => {
    const principal = await verifier()(await sign(key, { payload: { roles: ["viewer", "of-another-system"] } }));
    expect(principal).toMatchObject({ userId: "alice", organizationId: "acme" });
    expect([...principal.permissions].sort()).toEqual(["connections.read", "profiles.read"]);
  });

  test.each([
    ["its sid", { sid: "s-1", jti: "t-1" }, "s-1"],
    ["else its own id", { jti: "t-1" }, "t-1"],
    ["else nothing", {}, ""],
    ["no text, or too much of it: nothing", { sid: 5, jti: "x".repeat(257) }, ""],
  ])("the session of a token is %s", async (_name, payload, sessionId) => {
    expect((await verifier()(await sign(key, { payload }))).sessionId).toBe(sessionId);
  });

  test.each([
    ["another audience", { aud: "somebody-else" }, "TOKEN_INVALID"],
    ["another issuer", { iss: "https://evil.example" }, "TOKEN_INVALID"],
    ["expired", { expiresIn: -3600 }, "TOKEN_EXPIRED"],
    ["no organization", { payload: { org: undefined } }, "TOKEN_INVALID"],
    ["organization of another type", { payload: { org: 5 } }, "TOKEN_INVALID"],
    ["an organization with half a character", { payload: { org: "a\ud800" } }, "TOKEN_INVALID"],
    ["an organization with a control character", { payload: { org: "a\n" } }, "TOKEN_INVALID"],
    ["no user", { payload: { sub: undefined } }, "TOKEN_INVALID"],
    ["not yet valid", { payload: { nbf: Math.floor(Date.now() / 1000) + 3600 } }, "TOKEN_INVALID"],
  ] satisfies [string, Wish, string][])("%s is refused", async (_name, wish, reason) => {
    expect(await reasonOf(verifier()(await sign(key, wish)))).toBe(reason);
  });

  test("a clock that is a little off is forgiven", async () => {
    expect((await verifier()(await sign(key, { expiresIn: -10 }))).userId).toBe("alice");
  });

  test("another key's signature, alg none, a shared secret and rubbish are refused", async () => {
    const outsider = { ...(await newKey("first")), kid: "first" };
    const none = new UnsecuredJWT({ sub: "alice", org: "acme" })
      .setIssuer(issuer)
      .setAudience(audience)
      .setExpirationTime("1h")
      .encode();
    const shared = await new SignJWT({ sub: "alice", org: "acme" })
      .setProtectedHeader({ alg: "HS256", kid: "first" })
      .setIssuer(issuer)
      .setAudience(audience)
      .setExpirationTime("1h")
      .sign(new TextEncoder().encode(JSON.stringify(key.public)));
    for (const token of [await sign(outsider), none, shared, "rubbish", "a.b.c", ""])
      expect(await reasonOf(verifier()(token))).toBe("TOKEN_INVALID");
  });

  test("a verified token is not verified again until it expires", async () => {
    const verify = verifier();
    const token = await sign(key, { expiresIn: 1 });
    await verify(token);
    keySet = { keys: [] };
    expect(await verify(token)).toBe(await verify(token));
    expect(fetched).toBe(1);
  });

  test("a remembered token is refused once the wall clock says that it has expired", async () => {
    const verify = verifier();
    const token = await sign(key, { expiresIn: 600 });
    await verify(token);
    vi.setSystemTime(Date.now() + 3_600_000);
    expect(await reasonOf(verify(token))).toBe("TOKEN_EXPIRED");
  });

  test("a new key of the issuer is picked up without a restart", async () => {
    const verify = verifier();
    await verify(await sign(key));
    const second = await newKey("second", "RS256");
    keySet = { keys: [key.public, second.public] };
    expect((await verify(await sign(second))).userId).toBe("alice");
    expect(fetched).toBe(2);
  });

  test("an issuer that cannot be reached is UNAVAILABLE, not the token's fault", async () => {
    const dead = createTokenVerifier({
      key: createRemoteJWKSet(new URL("http://127.0.0.1:1/")),
      issuer,
      audience,
      ...claims,
    });
    expect(await reasonOf(dead(await sign(key)))).toBe("ISSUER_UNAVAILABLE");
    keySet = { keys: [] };
    Object.assign(keySet, { keys: "not a list" });
    expect(await reasonOf(verifier()(await sign(key)))).toBe("ISSUER_UNAVAILABLE");
  });
});
