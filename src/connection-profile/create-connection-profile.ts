import { create, toJson } from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import { customAlphabet } from "nanoid";
import { ConnectionProfileSchema } from "../../gen/connectory/v1/connection_profile_pb.js";
import {
  type ConnectionProfileService,
  type CreateConnectionProfileRequest,
  CreateConnectionProfileRequestSchema,
} from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { callerOf } from "../interceptors/caller.ts";
import { asSeenBy } from "./as-seen-by.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { ProfileRepository } from "./profile-repository.ts";
import { type ResolveDeps, resolveNew } from "./resolved-config.ts";
import type { RunCandidate } from "./run-candidate.ts";
import { previewSecretStates } from "./secret-states.ts";
import { checkValidationMode, validateLive } from "./validate-live.ts";

/** 20 of 62 characters are 119 bits: two alike will not be seen. */
const randomPart = customAlphabet("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 20);

/** Keeps a new profile after validating its configuration. */
export function createConnectionProfile(
  deps: ResolveDeps & { profiles: ProfileRepository; runCandidate: RunCandidate },
): MethodImpl<typeof ConnectionProfileService.method.createConnectionProfile> {
  return async (request, context) => {
    const caller = callerOf(context);
    const { name, labels, validationMode, validateOnly, requestId } = request;
    checkValidationMode(context, validationMode);
    const repeatable = { requestId, body: requestId === "" ? "" : bodyOf(request) };
    const first = await deps.profiles.findRequest(caller, repeatable);
    if (first !== undefined && !validateOnly) return { connectionProfile: asSeenBy(context, first) };
    const whole = request.config ?? create(ConnectorConfigSchema);
    const resolved = resolveNew(deps, caller.organizationId, request.connector, whole).toKeep();
    const { ready, bare: config, description, given: secrets, destination } = resolved;
    const connector = ready.connector.id;
    const id = `cp_${randomPart()}`;
    const candidate = {
      ...ready,
      bare: config,
      profile: undefined,
      edited: false,
      ...(validateOnly ? {} : { futureId: id }),
    };
    const report = await validateLive(deps.runCandidate, context, validationMode, candidate);
    if (validateOnly) {
      await deps.profiles.checkName(caller.organizationId, name);
      const states = previewSecretStates(ready.connector, [], { given: secrets, removed: [] });
      const preview = { name, labels, connector, config, description, secrets: states };
      return { connectionProfile: create(ConnectionProfileSchema, preview), report };
    }
    const profile = { id, name, labels, connector, config, description, secrets, destination };
    const written = await deps.profiles.insert(caller, profile, repeatable);
    return { connectionProfile: asSeenBy(context, written), report };
  };
}

/** What a repetition must have in common with the first request. */
function bodyOf(request: CreateConnectionProfileRequest): string {
  const body = create(CreateConnectionProfileRequestSchema, { ...request, requestId: "" });
  return canonicalJson(toJson(CreateConnectionProfileRequestSchema, body));
}
