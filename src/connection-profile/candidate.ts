import type { TestConnectionProfileRequest } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { findConnector, findListed } from "../connectors/index.ts";
import { fieldsInvalid } from "../failure.ts";
import type { Caller } from "../interceptors/caller.ts";
import { mustBeThere } from "./profile-not-found.ts";
import type { ProfileRepository } from "./profile-repository.ts";
import { readMask } from "./read-mask.ts";
import { type ResolveDeps, resolveEdits, resolveNew } from "./resolved-config.ts";
import type { TestTarget } from "./test-target-type.ts";

/** The fields of a request that say what to try. */
export type CandidateRequest = Pick<TestConnectionProfileRequest, "id" | "config" | "connector" | "updateMask">;

/** Undefined when a connector without profiles was named: there is nothing to try. */
export type ReadCandidate = (caller: Caller, request: CandidateRequest) => Promise<TestTarget | undefined>;

/** Reads what a request means: an unsaved configuration, a saved profile, or a saved profile with edits laid over it. */
export function createCandidateReader(deps: ResolveDeps & { profiles: ProfileRepository }): ReadCandidate {
  return async ({ organizationId }, { id, config, connector: named, updateMask }) => {
    const mask = readMask(updateMask);
    if (id === "") {
      if (mask !== undefined)
        throw fieldsInvalid({ field: "update_mask", description: "goes with the id of a profile" });
      if (config !== undefined) {
        const { ready, bare } = resolveNew(deps, organizationId, named, config);
        return { ...ready, bare, profile: undefined, edited: false };
      }
      if (findListed(deps.registry, named) !== undefined && findConnector(deps.registry, named) === undefined)
        return undefined;
      throw fieldsInvalid({
        field: "config",
        description: "give the id of a saved profile, an unsaved config, or both",
      });
    }
    if (mask?.name === true || mask?.labels === true)
      throw fieldsInvalid({ field: "update_mask", description: "must be config or paths inside of it" });
    const saved = mustBeThere(await deps.profiles.findSaved(organizationId, id));
    const { ready, bare } = await resolveEdits(deps, organizationId, saved, { config, paths: mask?.config, named });
    return { ...ready, bare, profile: saved.profile, edited: config !== undefined || mask !== undefined };
  };
}
