/** The content of a verified token's roles claim. */
export type RolesClaim =
  | { readonly kind: "absent" }
  /** Neither a string nor an array, or an array with other items than strings; `names` are its strings. */
  | { readonly kind: "unusable"; readonly names: readonly string[] }
  | { readonly kind: "named"; readonly names: readonly string[] };

/**
 * Returns the role names of a claim. An array of strings has its items as names, unchanged, with their spaces and commas;
 * nested arrays are ignored. A string is one name as a whole, as issuers write a list of one, and also the names between its
 * spaces or commas. Only a missing claim is absent: null, "", {}, [], a number and a boolean name no role and grant nothing.
 */
export function readRoles(claim: unknown): RolesClaim {
  if (claim === undefined) return { kind: "absent" };
  if (typeof claim === "string") {
    const names = new Set([claim.trim(), ...claim.split(/[\s,]+/)].filter((name) => name !== ""));
    return { kind: "named", names: [...names] };
  }
  if (!Array.isArray(claim)) return { kind: "unusable", names: [] };
  const names = claim.filter((name) => typeof name === "string");
  return { kind: names.length === claim.length ? "named" : "unusable", names };
}
