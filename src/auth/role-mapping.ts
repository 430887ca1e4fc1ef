import { knownRoles } from "./permissions.ts";

/** Maps an issuer's names of groups or roles to roles of this service. */
export type RoleMapping = ReadonlyMap<string, readonly string[]>;

/**
 * Parses entries of the form `group-a=admin`, `group b=viewer`: a name of the issuer, and after the last `=` a role. In a name
 * `%2C` is a comma and `%25` a percent sign. A repeated name has all of its roles. Returns the mapping, and a description of
 * the problem of each invalid entry.
 */
export function parseRoleMapping(entries: readonly string[]): { mapping: RoleMapping; problems: readonly string[] } {
  const mapping = new Map<string, string[]>();
  const problems: string[] = [];
  for (const entry of entries) {
    const at = entry.lastIndexOf("=");
    const name = decode(entry.slice(0, Math.max(at, 0)).trim());
    const role = entry.slice(at + 1).trim();
    if (name === undefined) problems.push(`${entry}: % must be followed by two hex digits: %2C is a comma, %25 is %`);
    else if (name === "") problems.push(`${entry}: must be NAME=ROLE, such as platform-team=admin`);
    else if (!knownRoles.includes(role)) problems.push(`${entry}: the role must be one of ${knownRoles.join(", ")}`);
    else mapping.set(name, [...(mapping.get(name) ?? []), role]);
  }
  return { mapping, problems };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
