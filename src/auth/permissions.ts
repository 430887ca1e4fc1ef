const read = ["connections.read", "profiles.read"] as const;
const editor = [...read, "connections.write", "profiles.write", "profiles.test"] as const;
const member = [...editor, "profiles.rebind"] as const;

/**
 * The permissions of each role. `profiles.rebind`: change the destination of a profile's stored secrets (the request must
 * contain the secrets again, for every role). `profiles.expunge`: remove a profile permanently. `connections.manage`: use the
 * connections of other users also where CONNECTION_ACCESS is `participant`.
 */
const permissionsOfRole: Readonly<Record<string, readonly string[]>> = {
  viewer: read,
  editor,
  member,
  admin: [...member, "connections.manage", "profiles.expunge"],
};

/** The roles that this service knows. */
export const knownRoles: readonly string[] = Object.keys(permissionsOfRole);

/** Returns the permissions that roles grant together; an unknown role grants none. */
export function permissionsOf(roles: readonly string[]): ReadonlySet<string> {
  return new Set(
    roles.flatMap((role) => (Object.hasOwn(permissionsOfRole, role) ? (permissionsOfRole[role] ?? []) : [])),
  );
}
