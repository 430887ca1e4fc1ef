/** The name of a claim, and the path below other claims where the token has no claim of that literal name. */
export interface ClaimPath {
  /** The configured name. */
  readonly name: string;
  /** Undefined for a plain name. */
  readonly segments: readonly string[] | undefined;
}

const maxLength = 256;
const maxSegments = 16;

/** Names that objects inherit: never read as claims, even when a token has them. */
const inherited: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/**
 * Parses the name of a claim: literal (`roles`, `https://acme.example/roles`), a dotted path (`realm_access.roles`) or a JSON
 * pointer (`/resource_access/my.client/roles`, RFC 6901). Returns a description of the problem for an invalid one.
 */
export function parseClaimPath(name: string): ClaimPath | string {
  if (name.length > maxLength || /\p{C}/u.test(name))
    return `must be at most ${maxLength} characters, none of them control characters`;
  const segments = segmentsOf(name);
  if (segments === "pointer") return "is no JSON pointer: `~` is written `~0`, and `/` inside a name `~1`";
  const all = segments ?? [name];
  if (all.includes("") && !isUri(name))
    return "has an empty part: a path is such as realm_access.roles or /realm_access/roles";
  if (all.length > maxSegments) return `has more than ${maxSegments} parts`;
  if (all.some((segment) => inherited.has(segment))) return "must not have __proto__, constructor or prototype in it";
  return { name, segments };
}

/** Returns the claim of a token, or undefined when it has none. Only an object's own members count. */
export function readClaim(payload: object, { name, segments }: ClaimPath): unknown {
  if (Object.hasOwn(payload, name) && !inherited.has(name)) return (payload as Record<string, unknown>)[name];
  let value: unknown = segments === undefined ? undefined : payload;
  for (const segment of segments ?? []) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    if (inherited.has(segment) || !Object.hasOwn(value, segment)) return undefined;
    value = (value as Record<string, unknown>)[segment];
  }
  return value;
}

function segmentsOf(name: string): readonly string[] | "pointer" | undefined {
  if (!name.startsWith("/")) return name.includes(".") ? name.split(".") : undefined;
  if (/~(?![01])/.test(name)) return "pointer";
  return name
    .slice(1)
    .split("/")
    .map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Namespaced claims are URIs, which may have dots anywhere. */
function isUri(name: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(name);
}
