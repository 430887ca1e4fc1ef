import { clone } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { MethodImpl } from "@connectrpc/connect";
import { ProfileChange } from "../../gen/connectory/v1/connection_profile_pb.js";
import type { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { type ConnectorConfig, ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure, fieldsInvalid } from "../failure.ts";
import { callerOf } from "../interceptors/caller.ts";
import { changedFields } from "./changed-fields.ts";
import { checkEtag, etagMismatch } from "./check-etag.ts";
import { mustBeThere } from "./profile-not-found.ts";
import type { ProfileRepository } from "./profile-repository.ts";
import { requirePermission } from "./require-permission.ts";
import { type ResolveDeps, resolveEdits } from "./resolved-config.ts";
import { secretSlots } from "./secret-slots.ts";

/** Sets a profile to a state that it had before; its secrets are those of now, or come with the request. */
export function rollbackConnectionProfile(
  deps: ResolveDeps & { profiles: ProfileRepository },
): MethodImpl<typeof ConnectionProfileService.method.rollbackConnectionProfile> {
  return async (request, context) => {
    const caller = callerOf(context);
    const { organizationId } = caller;
    const saved = mustBeThere(await deps.profiles.findSaved(organizationId, request.id));
    const { profile } = saved;
    checkEtag(request.etag, profile.etag);
    const target = (await deps.profiles.revision(organizationId, request.id, request.revision))?.connectionProfile;
    if (target?.config === undefined)
      throw new Failure(ErrorReason.REVISION_NOT_FOUND, `revision: the profile has no revision ${request.revision}`);
    const config = withSecrets(target.config, request.secrets);
    const resolved = await resolveEdits(deps, organizationId, saved, { config, paths: [[]] });
    if (resolved.rebound) requirePermission(context, "profiles.rebind", "a change of where stored secrets are sent");
    const { name, labels } = target;
    const after = { name, labels, config: resolved.bare };
    const secrets = [...resolved.given.keys(), ...resolved.removed];
    const changed = changedFields(profile.connector, profile, after, secrets);
    if (changed.length === 0) return { connectionProfile: profile };
    const written = await deps.profiles.update(caller, {
      ...after,
      ...resolved,
      id: profile.id,
      etag: profile.etag,
      change: ProfileChange.ROLLED_BACK,
      changedFields: changed,
    });
    if (written === undefined) throw etagMismatch(profile.etag);
    return { connectionProfile: written };
  };
}

/** A configuration with values for secrets, by their paths. Throws FIELD_INVALID for a path that has no place in it. */
function withSecrets(bare: ConnectorConfig, secrets: Readonly<Record<string, string>>): ConnectorConfig {
  const config = clone(ConnectorConfigSchema, bare);
  const slots = secretSlots(reflect(ConnectorConfigSchema, config));
  for (const [path, value] of Object.entries(secrets)) {
    const slot = slots.find((one) => one.path === `${config.connector.case}.${path}`);
    if (slot === undefined)
      throw fieldsInvalid({ field: `secrets[${JSON.stringify(path)}]`, description: "is no secret of that revision" });
    slot.set(new TextEncoder().encode(value));
  }
  return config;
}
