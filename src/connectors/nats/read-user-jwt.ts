/** The claims of a user's JWT; the server verifies its signature. */
export interface UserClaims {
  /** The user's public key. */
  readonly subject: string;
  /** The expiry time, in milliseconds since 1970; undefined without one. */
  readonly expires: number | undefined;
}

/** Returns the claims of a NATS user's JWT; undefined for other texts. */
export function readUserJwt(text: string): UserClaims | undefined {
  const [, payload, signature, ...more] = text.split(".");
  if (payload === undefined || signature === undefined || more.length > 0) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
    if (!isClaims(claims) || claims.nats?.type !== "user") return undefined;
    return { subject: claims.sub, expires: expiryOf(claims.exp) };
  } catch {
    return undefined;
  }
}

/** The last second that a Date can represent; a later expiry counts as none. */
const lastSecond = 8.64e12;

function expiryOf(seconds: unknown): number | undefined {
  return typeof seconds === "number" && seconds > 0 && seconds <= lastSecond ? seconds * 1000 : undefined;
}

interface Claims {
  readonly sub: string;
  readonly exp?: unknown;
  readonly nats?: { readonly type?: unknown };
}

function isClaims(value: unknown): value is Claims {
  return typeof value === "object" && value !== null && "sub" in value && typeof value.sub === "string";
}
