const read = ["connections.read", "profiles.read"] as const;
const editor = [...read, "connections.write", "profiles.write", "profiles.test"] as const;
const member = [...editor, "profiles.rebind"] as const;

/**
 * What each role may do. `profiles.rebind`: change where the stored secrets of a profile are sent (the secrets have to come
 * again with such a change, whoever makes it). `profiles.expunge`: remove a profile for good. `connections.manage`: use the
 * connections of others also where CONNECTION_ACCESS is `participant`.
 */
const permissionsOfRole: Readonly<Record<string, readonly string[]>> = {
  viewer: read,
  editor,
  member,
  admin: [...member, "connections.manage", "profiles.expunge"],
};

/** The roles that this service knows. */
export const knownRoles: readonly string[] = Object.keys(permissionsOfRole);

/** The permissions that roles grant together; a role of another system grants nothing. */
export function permissionsOf(roles: readonly string[]): ReadonlySet<string> {
  return new Set(
    roles.flatMap((role) => (Object.hasOwn(permissionsOfRole, role) ? (permissionsOfRole[role] ?? []) : [])),
  );
}
