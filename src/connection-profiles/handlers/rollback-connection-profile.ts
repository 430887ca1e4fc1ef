import { clone } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { MethodImpl } from "@connectrpc/connect";
import { ProfileChange } from "../../../gen/connectory/v1/connection_profile_pb.js";
import {
  type ConnectionProfileService,
  ValidationMode,
} from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { type ConnectorConfig, ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError, fieldsInvalid } from "../../errors/api-error.ts";
import { actorOf } from "../../interceptors/event-actor.ts";
import { type ResolveDeps, resolveEdits } from "../config/resolve-config.ts";
import { secretFields } from "../config/secret-fields.ts";
import { hideFingerprints } from "../hide-fingerprints.ts";
import { type OptimisticUpdateDeps, optimisticUpdate } from "./optimistic-update.ts";

/**
 * Sets a profile to an earlier revision; its secrets are the current ones or those of the request. Throws REVISION_NOT_FOUND.
 */
export function rollbackConnectionProfile(
  deps: ResolveDeps & OptimisticUpdateDeps,
): MethodImpl<typeof ConnectionProfileService.method.rollbackConnectionProfile> {
  return async ({ id, etag, revision, secrets }, context) => {
    const { organizationId } = actorOf(context);
    const { connectionProfile } = await optimisticUpdate(deps, context, {
      id,
      etag,
      mode: ValidationMode.SCHEMA,
      change: ProfileChange.ROLLED_BACK,
      computeNext: async (saved) => {
        const target = (await deps.profiles.revision(organizationId, id, revision))?.connectionProfile;
        if (target?.config === undefined)
          throw new ApiError(ErrorReason.REVISION_NOT_FOUND, `revision: the profile has no revision ${revision}`);
        const config = addSecrets(target.config, secrets);
        const resolved = await resolveEdits(deps, organizationId, saved, { config, paths: [[]] });
        return { after: { name: target.name, labels: target.labels, config: resolved.withoutSecrets }, resolved };
      },
    });
    return { connectionProfile: hideFingerprints(context, connectionProfile) };
  };
}

/**
 * Returns a copy of the configuration with the given secrets, by path. Throws FIELD_INVALID for a path that is no secret of it.
 */
function addSecrets(withoutSecrets: ConnectorConfig, secrets: Readonly<Record<string, string>>): ConnectorConfig {
  const config = clone(ConnectorConfigSchema, withoutSecrets);
  const slots = secretFields(reflect(ConnectorConfigSchema, config));
  for (const [path, value] of Object.entries(secrets)) {
    const slot = slots.find((one) => one.path === `${config.connector.case}.${path}`);
    if (slot === undefined)
      throw fieldsInvalid({ field: `secrets[${JSON.stringify(path)}]`, description: "is no secret of that revision" });
    slot.set(new TextEncoder().encode(value));
  }
  return config;
}
