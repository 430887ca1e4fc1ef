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
    return { subject: claims.sub, expires: expiryOf(claims.exp) };
  } catch {
    return undefined;
  }
}

/** The last second that a Date can hold. Later than that is never. */
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
