import type { Message } from "@bufbuild/protobuf";
import type { ConnectionProfile } from "../../gen/connectory/v1/connection_profile_pb.js";
import type { TestConnectionProfileRequest } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import type { Connector } from "../connectors/connector.ts";
import { findConnector, findListed } from "../connectors/index.ts";
import type { TestOutcome } from "../connectors/run-test.ts";
import { fieldsInvalid } from "../failure.ts";
import type { Caller } from "../interceptors/caller.ts";
import { chooseConnector } from "./choose-connector.ts";
import { mustBeThere } from "./profile-not-found.ts";
import type { ProfileRepository } from "./profile-repository.ts";
import { readMask } from "./read-mask.ts";
import { mustBeReadable, type ResolveDeps, resolveEdits, resolveNew } from "./resolved-config.ts";

/** What a request means to try. */
export interface Candidate {
  readonly connector: Connector;
  /** Valid, with its secrets. */
  readonly config: Message;
  /** The saved one, when it is one or is based on one. */
  readonly profile: ConnectionProfile | undefined;
  /** Edits were laid over it. */
  readonly edited: boolean;
  /** The id that a profile will have when this works. */
  readonly futureId?: string;
}

/** The fields of a request that say what to try. */
export type CandidateRequest = Pick<TestConnectionProfileRequest, "id" | "config" | "connector" | "updateMask">;

/** Undefined when a connector without profiles was named: there is nothing to try. */
export type ReadCandidate = (caller: Caller, request: CandidateRequest) => Promise<Candidate | undefined>;

/** A try that has ended; without an outcome it was cancelled. */
export interface Try {
  readonly kind: "test" | "live_validation" | "discovery";
  readonly outcome: TestOutcome | undefined;
}

/**
 * Keeps what must be kept of a try: the audit event always, and `last_test` for the test of a saved profile without edits
 * that has not been written since.
 */
export type RecordTry = (caller: Caller, candidate: Candidate, tried: Try) => Promise<void>;

/** Reads what a request means: an unsaved configuration, a saved profile, or a saved profile with edits laid over it. */
export function createCandidateReader(deps: ResolveDeps & { profiles: ProfileRepository }): ReadCandidate {
  return async ({ organizationId }, { id, config, connector: named, updateMask }) => {
    const mask = readMask(updateMask);
    if (id === "") {
      if (mask !== undefined)
        throw fieldsInvalid({ field: "update_mask", description: "goes with the id of a profile" });
      if (config !== undefined) {
        const { ready } = resolveNew(deps, organizationId, named, config);
        return { ...ready, profile: undefined, edited: false };
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
    chooseConnector(deps.registry, named, mustBeReadable(saved.profile));
    const { ready } = await resolveEdits(deps, organizationId, saved, { config, paths: mask?.config });
    return { ...ready, profile: saved.profile, edited: config !== undefined || mask !== undefined };
  };
}
