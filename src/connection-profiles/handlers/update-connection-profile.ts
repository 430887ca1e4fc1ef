import { create } from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import {
  type ConnectionProfile,
  ConnectionProfileSchema,
  ProfileChange,
} from "../../../gen/connectory/v1/connection_profile_pb.js";
import {
  type ConnectionProfileService,
  type UpdateConnectionProfileRequest,
  ValidationMode,
} from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { fieldsInvalid } from "../../errors/api-error.ts";
import { actorOf } from "../../interceptors/event-actor.ts";
import { previewSecretStates } from "../config/preview-secret-states.ts";
import { type ResolveDeps, resolveEdits } from "../config/resolve-config.ts";
import { requireNamedConnector } from "../config/select-connector.ts";
import { type ProfileMask, parseUpdateMask } from "../config/update-mask.ts";
import { hideFingerprints } from "../hide-fingerprints.ts";
import { checkValidationMode } from "../live-test/validate-live.ts";
import type { SavedProfile } from "../saved-profile.ts";
import { type OptimisticUpdateDeps, optimisticUpdate, type ProfileUpdateStep } from "./optimistic-update.ts";

/**
 * Changes name, labels and configuration of a profile. With `validate_only` returns the preview alone. Throws as
 * `optimisticUpdate` does.
 */
export function updateConnectionProfile(
  deps: ResolveDeps & OptimisticUpdateDeps,
): MethodImpl<typeof ConnectionProfileService.method.updateConnectionProfile> {
  return async (request, context) => {
    const { organizationId } = actorOf(context);
    const { id, etag, validationMode: mode, validateOnly } = request;
    checkValidationMode(context, mode);
    const mask = parseUpdateMask(request.updateMask);
    const computeNext = async (saved: SavedProfile): Promise<ProfileUpdateStep> => {
      requireNamedConnector(deps.registry, request.connector, saved.profile.connector);
      const after = contentOf(saved.profile, request, mask);
      const resolved = isConfigMeant(request, mask)
        ? await resolveEdits(deps, organizationId, saved, { config: request.config, paths: mask?.config })
        : undefined;
      const config = resolved?.withoutSecrets ?? saved.profile.config;
      return { after: config === undefined ? after : { ...after, config }, resolved };
    };
    const preview = async (profile: ConnectionProfile, rewrite: ProfileUpdateStep) => {
      await deps.profiles.checkName(organizationId, rewrite.after.name, id);
      return previewOf(profile, rewrite);
    };
    const options = {
      id,
      etag,
      mode,
      change: ProfileChange.UPDATED,
      computeNext,
      ...(validateOnly ? { preview } : {}),
    };
    const { connectionProfile, report } = await optimisticUpdate(deps, context, options);
    return { connectionProfile: hideFingerprints(context, connectionProfile), report };
  };
}

function contentOf(
  profile: ConnectionProfile,
  { name, labels }: UpdateConnectionProfileRequest,
  mask: ProfileMask | undefined,
): Pick<ConnectionProfile, "name" | "labels"> {
  const isNameMeant = mask?.name ?? name !== "";
  if (isNameMeant && name === "")
    throw fieldsInvalid({ field: "name", description: "a profile has a name: it cannot be cleared" });
  const areLabelsMeant = mask?.labels ?? Object.keys(labels).length > 0;
  return { name: isNameMeant ? name : profile.name, labels: areLabelsMeant ? labels : profile.labels };
}

/** Returns whether the request concerns the configuration: if not, the stored one need not be readable. */
function isConfigMeant(
  { config, validationMode }: UpdateConnectionProfileRequest,
  mask: ProfileMask | undefined,
): boolean {
  if (validationMode === ValidationMode.LIVE) return true;
  return mask === undefined ? config !== undefined : mask.config.length > 0;
}

function previewOf(profile: ConnectionProfile, { after, resolved }: ProfileUpdateStep): ConnectionProfile {
  const would = { ...profile, ...after };
  if (resolved === undefined) return create(ConnectionProfileSchema, would);
  const secrets = previewSecretStates(resolved.withSecrets.connector, profile.secrets, resolved);
  return create(ConnectionProfileSchema, { ...would, description: resolved.description, secrets });
}
