import type { Logger } from "pino";
import type { IssuerSettings } from "./issuer-settings.ts";

/** Says at the start where roles come from, and with a warning when nobody has said what a token without them may do. */
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
