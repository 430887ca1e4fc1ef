const read = ["connections.read", "profiles.read"] as const;
const member = [...read, "connections.write", "profiles.write", "profiles.test"] as const;

/**
 * What each role may do. `connections.manage` lets the caller connect other users also where
 * CONNECTION_CREATE_POLICY is `participant`.
 */
const permissionsOfRole: Readonly<Record<string, readonly string[]>> = {
  viewer: read,
  member,
  admin: [...member, "connections.manage"],
};

/** The roles that this service knows. */
export const knownRoles: readonly string[] = Object.keys(permissionsOfRole);

/**
 * The permissions that the roles of a token grant together; a role of another system grants nothing. A token that
 * says nothing about roles (undefined) is a member's, because the contract asks for a login and no more.
 */
export function permissionsOf(roles: readonly string[] | undefined): ReadonlySet<string> {
  return new Set(
    (roles ?? ["member"]).flatMap((role) =>
      Object.hasOwn(permissionsOfRole, role) ? (permissionsOfRole[role] ?? []) : [],
    ),
  );
}
