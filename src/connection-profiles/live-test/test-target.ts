import type { TestConnectionProfileRequest } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { type ConnectorRegistry, findConnector, findListed } from "../../connectors/registry.ts";
import { fieldsInvalid } from "../../errors/api-error.ts";
import type { Actor } from "../../interceptors/event-actor.ts";
import { type ResolveDeps, resolveEdits, resolveNew } from "../config/resolve-config.ts";
import { parseUpdateMask } from "../config/update-mask.ts";
import { requireLive } from "../errors.ts";
import type { ProfileRepository } from "../store/profile-repository.ts";
import type { TestTarget } from "../test-run.ts";

/** The fields of a request that name the target of a test. */
export type TestTargetRequest = Pick<TestConnectionProfileRequest, "id" | "config" | "connector" | "updateMask">;

/** Returns the target; undefined for a connector without profiles, which cannot be tested. */
export type ResolveTestTarget = (caller: Actor, request: TestTargetRequest) => Promise<TestTarget | undefined>;

/**
 * Returns the resolver of targets: an unsaved configuration, a saved profile, or a saved profile with edits. It throws
 * FIELD_INVALID, PROFILE_NOT_FOUND, PROFILE_DELETED, or as `resolveNew` and `resolveEdits` do.
 */
export function createTestTargetReader(deps: ResolveDeps & { profiles: ProfileRepository }): ResolveTestTarget {
  return async ({ organizationId }, { id, config, connector: named, updateMask }) => {
    const mask = parseUpdateMask(updateMask);
    if (id === "") {
      if (mask !== undefined)
        throw fieldsInvalid({ field: "update_mask", description: "goes with the id of a profile" });
      if (config?.connector.case === undefined && isWithoutProfiles(deps.registry, named)) return undefined;
      if (config !== undefined) {
        const { withSecrets, withoutSecrets } = resolveNew(deps, organizationId, named, config);
        return { ...withSecrets, withoutSecrets, profile: undefined, edited: false };
      }
      throw fieldsInvalid({
        field: "config",
        description: "give the id of a saved profile, an unsaved config, or both",
      });
    }
    if (mask?.name === true || mask?.labels === true)
      throw fieldsInvalid({ field: "update_mask", description: "must be config or paths inside of it" });
    const saved = requireLive(await deps.profiles.findSaved(organizationId, id));
    const { withSecrets, withoutSecrets } = await resolveEdits(deps, organizationId, saved, {
      config,
      paths: mask?.config,
      named,
    });
    return {
      ...withSecrets,
      withoutSecrets,
      profile: saved.profile,
      edited: config !== undefined || mask !== undefined,
    };
  };
}

function isWithoutProfiles(registry: ConnectorRegistry, named: string): boolean {
  return findListed(registry, named) !== undefined && findConnector(registry, named) === undefined;
}
