import { explainConnectError } from "./unreachable-brokers.ts";

/** Milliseconds for the answer of the issuer. */
const timeoutMs = 3_000;

/** Returns a warning when the keys of the external issuer cannot be read; undefined when they can. */
export async function unreadableIssuerKeys(url: URL): Promise<string | undefined> {
  const why = await whyUnreadable(url);
  if (why === undefined) return undefined;
  return `AUTH_JWKS_URL: the keys of the issuer cannot be read from ${url.origin}${url.pathname}: ${why}; until they can, no token can be verified`;
}

async function whyUnreadable(url: URL): Promise<string | undefined> {
  try {
    const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(timeoutMs) });
    if (response.status !== 200)
      return `it answers with status ${response.status}: take the jwks_uri of the issuer's .well-known/openid-configuration`;
    const body: unknown = await response.json().catch(() => undefined);
    const keys = typeof body === "object" && body !== null && "keys" in body ? body.keys : undefined;
    if (!Array.isArray(keys))
      return "the answer is no JSON Web Key Set: take the jwks_uri of the issuer's .well-known/openid-configuration";
    return keys.length === 0 ? "the set of keys is empty" : undefined;
  } catch (error) {
    return explainConnectError(error instanceof Error && error.cause !== undefined ? error.cause : error, timeoutMs);
  }
}
