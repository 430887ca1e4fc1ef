import type { EnvReader } from "../config/env-reader.ts";
import { type ClaimPath, parseClaimPath } from "./claim-path.ts";
import { knownRoles } from "./permissions.ts";
import { parseRoleMapping, type RoleMapping } from "./role-mapping.ts";

/** An external issuer, and the meaning of its tokens' claims. */
export interface IssuerSettings {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: URL;
  readonly organizationClaim: ClaimPath;
  readonly rolesClaim: ClaimPath;
  /**
   * The role of a token without the roles claim. `none`: no role, by configuration. Undefined: no role, because none was
   * configured.
   */
  readonly defaultRole: string | undefined;
  /** Maps the values of the claim to roles. Undefined: the claim has the names of this service's roles. */
  readonly roleMapping: RoleMapping | undefined;
}

/** Returns the settings AUTH_…; undefined for the local issuer. Reports problems to `env`. */
export function readIssuerSettings(env: EnvReader): IssuerSettings | undefined {
  const issuer = env.text("AUTH_ISSUER");
  const audience = env.text("AUTH_AUDIENCE");
  const jwksUrl = env.url("AUTH_JWKS_URL", ["https:", "http:"]);
  if (issuer === undefined) {
    for (const name of [
      "AUTH_AUDIENCE",
      "AUTH_JWKS_URL",
      "AUTH_ORG_CLAIM",
      "AUTH_ROLES_CLAIM",
      "AUTH_DEFAULT_ROLE",
      "AUTH_ROLE_MAPPING",
    ] as const)
      if (env.text(name) !== undefined) env.problem(name, "has no effect without AUTH_ISSUER: set both or neither");
    return undefined;
  }
  const organizationClaim = readClaimPath(env, "AUTH_ORG_CLAIM", "org");
  const rolesClaim = readClaimPath(env, "AUTH_ROLES_CLAIM", "roles");
  const roleMapping = readRoleMapping(env);
  const defaultRole = env.text("AUTH_DEFAULT_ROLE");
  if (defaultRole !== undefined) env.oneOf("AUTH_DEFAULT_ROLE", ["none", ...knownRoles], "none");
  if (audience === undefined)
    env.problem(
      "AUTH_AUDIENCE",
      "must be set together with AUTH_ISSUER: a token for another service is not for this one",
    );
  if (jwksUrl === undefined)
    env.problem("AUTH_JWKS_URL", "must be set together with AUTH_ISSUER: where the issuer publishes its keys");
  if (audience === undefined || jwksUrl === undefined) return undefined;
  return { issuer, audience, jwksUrl, organizationClaim, rolesClaim, defaultRole, roleMapping };
}

function readClaimPath(env: EnvReader, name: "AUTH_ORG_CLAIM" | "AUTH_ROLES_CLAIM", fallback: string): ClaimPath {
  const path = parseClaimPath(env.text(name) ?? fallback);
  if (typeof path !== "string") return path;
  env.problem(name, path);
  return { name: fallback, segments: undefined };
}

function readRoleMapping(env: EnvReader): RoleMapping | undefined {
  const entries = env.list("AUTH_ROLE_MAPPING");
  if (entries.length === 0) return undefined;
  const { mapping, problems } = parseRoleMapping(entries);
  for (const problem of problems) env.problem("AUTH_ROLE_MAPPING", problem);
  return mapping;
}
