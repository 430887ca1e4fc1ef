/** What the roles claim of a verified token says. */
export type RolesClaim =
  | { readonly kind: "absent" }
  /** Neither a text nor a list, or a list with something else than texts in it; `names` are its texts. */
  | { readonly kind: "unusable"; readonly names: readonly string[] }
  | { readonly kind: "named"; readonly names: readonly string[] };

/**
 * A list of texts, or a text: that is one name as it stands, as issuers write a list of one, and names between spaces or commas. Only a claim that is not there counts as absent: null, "",
 * {}, [], a number and a boolean name no role and grant nothing. Items of a list are names as they are, with their spaces and
 * commas; a list inside a list is not looked into.
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
