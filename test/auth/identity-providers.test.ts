import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/app/parse-config.ts";
import { permissionsOf } from "../../src/auth/permissions.ts";
import { asymmetricAlgorithms, createTokenVerifier, type VerifyToken } from "../../src/auth/verify-token.ts";
import { readPage } from "../docs/read-page.ts";

const page = "docs/identity-providers.md";

/** A provider's section: its variables, and the claims of its token. */
interface Section {
  readonly provider: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

const sections: Section[] = readPage(page)
  .split(/^## /m)
  .slice(1)
  .flatMap((text) => {
    const [, properties] = /```properties\n(.*?)```/s.exec(text) ?? [];
    const [, claims = "{}"] = /```json\n(.*?)```/s.exec(text) ?? [];
    if (properties === undefined) return [];
    const lines = properties.trimEnd().split("\n");
    const variables = Object.fromEntries(lines.map((line) => [line.replace(/=.*/, ""), line.replace(/^[^=]*=/, "")]));
    return [{ provider: text.split("\n")[0] ?? "", variables, claims: JSON.parse(claims) }];
  });

/** What each provider's keys look like: all sign with RS256, and Entra's have no `alg`. */
const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
const jwk = { ...(await exportJWK(publicKey)), kid: "k1", use: "sig" };

const sign = (claims: object) =>
  new SignJWT({ ...claims })
    .setProtectedHeader({ alg: "RS256", kid: "k1", typ: "JWT" })
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(privateKey);

function verifierOf(variables: Readonly<Record<string, string>>, key: object = { ...jwk, alg: "RS256" }): VerifyToken {
  const { issuer } = parseConfig(variables);
  if (issuer === undefined) throw new Error("the section sets no AUTH_ISSUER");
  const defaultRole = issuer.defaultRole === "none" ? undefined : issuer.defaultRole;
  return createTokenVerifier({
    ...issuer,
    defaultRole,
    algorithms: asymmetricAlgorithms,
    key: createLocalJWKSet({ keys: [key as typeof jwk] }),
  });
}

/** The organization of each token, by provider. */
const organizations: Record<string, string> = {
  Keycloak: "acme",
  Auth0: "org_9ybsU1dN2dKfDkBi",
  "Entra ID": "8d2f3c1e-6b7a-4d5e-9f01-23456789abcd",
  Okta: "acme",
};

test("the page has a section for each provider", () => {
  expect(sections.map(({ provider }) => provider)).toEqual(Object.keys(organizations));
});

describe.each(sections)("$provider", ({ provider, variables, claims }) => {
  test("its token, verified with the variables of the page, is an editor of the organization", async () => {
    const principal = await verifierOf(variables)(await sign(claims));
    expect(principal.userId).toBe(claims.sub);
    expect(principal.organizationId).toBe(organizations[provider]);
    const roles = provider === "Okta" ? ["viewer", "editor"] : ["editor"];
    expect(principal.permissions).toEqual(permissionsOf(roles));
  });

  test("keys without alg, as some publish them, serve too", async () => {
    await expect(verifierOf(variables, jwk)(await sign(claims))).resolves.toMatchObject({ userId: claims.sub });
  });

  test("a token for another audience, of an issuer that differs in its last slash, and without the organization is rejected", async () => {
    const verify = verifierOf(variables);
    const issuer = String(claims.iss);
    const other = issuer.endsWith("/") ? issuer.slice(0, -1) : `${issuer}/`;
    const { [variables.AUTH_ORG_CLAIM ?? ""]: _, ...homeless } = claims;
    for (const wrong of [{ ...claims, aud: "account" }, { ...claims, iss: other }, homeless])
      await expect(verify(await sign(wrong))).rejects.toThrow();
  });

  test("without its roles a token may do nothing", async () => {
    const { realm_access, [variables.AUTH_ROLES_CLAIM ?? ""]: _, ...bare } = claims;
    const principal = await verifierOf(variables)(await sign(bare));
    expect([...principal.permissions]).toEqual([]);
  });
});
