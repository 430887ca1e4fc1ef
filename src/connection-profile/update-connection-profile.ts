import { create } from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import {
  type ConnectionProfile,
  ConnectionProfileSchema,
  ProfileChange,
} from "../../gen/connectory/v1/connection_profile_pb.js";
import {
  type ConnectionProfileService,
  type UpdateConnectionProfileRequest,
  ValidationMode,
} from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { fieldsInvalid } from "../failure.ts";
import { callerOf } from "../interceptors/caller.ts";
import { asSeenBy } from "./as-seen-by.ts";
import { checkNamed } from "./choose-connector.ts";
import { type ProfileMask, readMask } from "./read-mask.ts";
import type { SavedProfile } from "./read-profile.ts";
import { type ResolveDeps, resolveEdits } from "./resolved-config.ts";
import { type Rewrite, type RewriteDeps, rewriteProfile } from "./rewrite-profile.ts";
import { previewSecretStates } from "./secret-states.ts";
import { checkValidationMode } from "./validate-live.ts";

/** Changes name, labels and configuration of a profile. */
export function updateConnectionProfile(
  deps: ResolveDeps & RewriteDeps,
): MethodImpl<typeof ConnectionProfileService.method.updateConnectionProfile> {
  return async (request, context) => {
    const { organizationId } = callerOf(context);
    const { id, etag, validationMode: mode, validateOnly } = request;
    checkValidationMode(context, mode);
    const mask = readMask(request.updateMask);
    const make = async (saved: SavedProfile): Promise<Rewrite> => {
      checkNamed(deps.registry, request.connector, saved.profile.connector);
      const after = contentOf(saved.profile, request, mask);
      const resolved = isConfigMeant(request, mask)
        ? await resolveEdits(deps, organizationId, saved, { config: request.config, paths: mask?.config })
        : undefined;
      const config = resolved?.bare ?? saved.profile.config;
      return { after: config === undefined ? after : { ...after, config }, resolved };
    };
    const preview = async (profile: ConnectionProfile, rewrite: Rewrite) => {
      await deps.profiles.checkName(organizationId, rewrite.after.name, id);
      return previewOf(profile, rewrite);
    };
    const options = { id, etag, mode, change: ProfileChange.UPDATED, make, ...(validateOnly ? { preview } : {}) };
    const { connectionProfile, report } = await rewriteProfile(deps, context, options);
    return { connectionProfile: asSeenBy(context, connectionProfile), report };
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

/** Whether the configuration has a part in the request: without one nothing of it has to be readable. */
function isConfigMeant(
  { config, validationMode }: UpdateConnectionProfileRequest,
  mask: ProfileMask | undefined,
): boolean {
  if (validationMode === ValidationMode.LIVE) return true;
  return mask === undefined ? config !== undefined : mask.config.length > 0;
}

function previewOf(profile: ConnectionProfile, { after, resolved }: Rewrite): ConnectionProfile {
  const would = { ...profile, ...after };
  if (resolved === undefined) return create(ConnectionProfileSchema, would);
  const secrets = previewSecretStates(resolved.ready.connector, profile.secrets, resolved);
  return create(ConnectionProfileSchema, { ...would, description: resolved.description, secrets });
}
