import { create } from "@bufbuild/protobuf";
import type { HandlerContext, MethodImpl } from "@connectrpc/connect";
import {
  type ConnectionProfile,
  ConnectionProfileSchema,
  ProfileChange,
} from "../../gen/connectory/v1/connection_profile_pb.js";
import type {
  ConnectionProfileService,
  UpdateConnectionProfileRequest,
} from "../../gen/connectory/v1/connection_profile_service_pb.js";
import type { TestReport } from "../../gen/connectory/v1/test_report_pb.js";
import { fieldsInvalid } from "../failure.ts";
import { callerOf } from "../interceptors/caller.ts";
import { changedFields } from "./changed-fields.ts";
import { checkEtag, etagMismatch } from "./check-etag.ts";
import { mustBeThere } from "./profile-not-found.ts";
import type { ProfileRepository } from "./profile-repository.ts";
import { readMask } from "./read-mask.ts";
import type { SavedProfile } from "./read-profile.ts";
import { requirePermission } from "./require-permission.ts";
import { type ResolveDeps, type ResolvedConfig, resolveEdits } from "./resolved-config.ts";
import type { RunCandidate } from "./run-candidate.ts";
import { secretStates } from "./secret-states.ts";
import { checkValidationMode, validateLive } from "./validate-live.ts";

/** What the verb works with. */
export interface UpdateConnectionProfileDeps extends ResolveDeps {
  readonly profiles: ProfileRepository;
  readonly runCandidate: RunCandidate;
}

/** How often an update without an etag is made anew because others write the same profile, before it gives up. */
const maxTries = 5;

/** Changes name, labels and configuration of a profile. */
export function updateConnectionProfile(
  deps: UpdateConnectionProfileDeps,
): MethodImpl<typeof ConnectionProfileService.method.updateConnectionProfile> {
  return async (request, context) => {
    const { organizationId } = callerOf(context);
    checkValidationMode(context, request.validationMode);
    readMask(request.updateMask);
    for (let tries = 1; ; tries += 1) {
      const saved = mustBeThere(await deps.profiles.findSaved(organizationId, request.id));
      checkEtag(request.etag, saved.profile.etag);
      const written = await updateOnce(deps, request, context, saved);
      if (written !== undefined) return written;
      if (tries === maxTries) throw etagMismatch(saved.profile.etag);
    }
  };
}

/** Undefined when the profile was written in the meantime. */
async function updateOnce(
  deps: UpdateConnectionProfileDeps,
  request: UpdateConnectionProfileRequest,
  context: HandlerContext,
  saved: SavedProfile,
): Promise<{ connectionProfile: ConnectionProfile; report: TestReport | undefined } | undefined> {
  const caller = callerOf(context);
  const { profile } = saved;
  const mask = readMask(request.updateMask);
  const edits = mask === undefined || mask.config.length > 0 ? { config: request.config, paths: mask?.config } : keep;
  const resolved = await resolveEdits(deps, caller.organizationId, saved, edits);
  if (resolved.rebound) requirePermission(context, "profiles.rebind", "a change of where stored secrets are sent");
  const after = {
    name: (mask?.name ?? request.name !== "") ? request.name : profile.name,
    labels: (mask?.labels ?? Object.keys(request.labels).length > 0) ? request.labels : profile.labels,
    config: resolved.bare,
  };
  if (after.name === "")
    throw fieldsInvalid({ field: "name", description: "a profile has a name: it cannot be cleared" });
  const candidate = { ...resolved.ready, profile, edited: true };
  const report = await validateLive(deps.runCandidate, context, request.validationMode, candidate);
  const secrets = [...resolved.given.keys(), ...resolved.removed];
  const changed = changedFields(profile.connector, profile, after, secrets);
  if (changed.length === 0) return { connectionProfile: profile, report };
  if (request.validateOnly) {
    await deps.profiles.checkName(caller.organizationId, after.name, profile.id);
    return { connectionProfile: preview(profile, after, resolved), report };
  }
  const written = await deps.profiles.update(caller, {
    ...after,
    ...resolved,
    id: profile.id,
    etag: profile.etag,
    change: ProfileChange.UPDATED,
    changedFields: changed,
  });
  return written === undefined ? undefined : { connectionProfile: written, report };
}

const keep = { config: undefined, paths: undefined };

function preview(
  profile: ConnectionProfile,
  after: Pick<ConnectionProfile, "name" | "labels" | "config">,
  resolved: ResolvedConfig,
): ConnectionProfile {
  const secrets = [...secretStates(resolved.ready.connector, profile.secrets, resolved)];
  return create(ConnectionProfileSchema, { ...profile, ...after, description: resolved.description, secrets });
}
