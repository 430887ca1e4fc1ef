/** What a user's JWT says; its signature is for the server to check. */
export interface UserClaims {
  /** The public key of the user. */
  readonly subject: string;
  /** When it ends, in milliseconds; undefined when it does not. */
  readonly expires: number | undefined;
}

/** The claims of a NATS user's JWT; undefined when it is none. */
export function readUserJwt(text: string): UserClaims | undefined {
  const [, payload, signature, ...more] = text.split(".");
  if (payload === undefined || signature === undefined || more.length > 0) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
    if (!isClaims(claims) || claims.nats?.type !== "user") return undefined;
    const expires = typeof claims.exp === "number" && claims.exp > 0 ? claims.exp * 1000 : undefined;
    return { subject: claims.sub, expires };
  } catch {
    return undefined;
  }
}

interface Claims {
  readonly sub: string;
  readonly exp?: unknown;
  readonly nats?: { readonly type?: unknown };
}

function isClaims(value: unknown): value is Claims {
  return typeof value === "object" && value !== null && "sub" in value && typeof value.sub === "string";
}
