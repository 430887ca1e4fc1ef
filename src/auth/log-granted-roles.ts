import type { Logger } from "pino";
import type { IssuerSettings } from "./issuer-settings.ts";

/** Logs the source of roles at the start, as a warning when AUTH_DEFAULT_ROLE is not set. */
export function logGrantedRoles({ rolesClaim, roleMapping, defaultRole }: IssuerSettings, log: Logger): void {
  const settings = {
    rolesClaim: rolesClaim.name,
    path: rolesClaim.segments,
    defaultRole: defaultRole ?? "none",
    mapping: roleMapping === undefined ? undefined : Object.fromEntries(roleMapping),
  };
  if (defaultRole === undefined)
    log.warn(
      settings,
      "AUTH_DEFAULT_ROLE is not set: a token without the roles claim may do nothing; set it to `none` if that is meant",
    );
  else if (defaultRole === "none") log.info(settings, "a token without the roles claim may do nothing");
  else log.info(settings, `a token without the roles claim has the role ${defaultRole}`);
}
