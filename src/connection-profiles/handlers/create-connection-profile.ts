import { create, toJson } from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import { customAlphabet } from "nanoid";
import { ConnectionProfileSchema } from "../../../gen/connectory/v1/connection_profile_pb.js";
import {
  type ConnectionProfileService,
  type CreateConnectionProfileRequest,
  CreateConnectionProfileRequestSchema,
  ValidationMode,
} from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { actorOf } from "../../interceptors/event-actor.ts";
import { canonicalJson } from "../config/canonical-json.ts";
import { previewSecretStates } from "../config/preview-secret-states.ts";
import { type ResolveDeps, resolveNew } from "../config/resolve-config.ts";
import { hideFingerprints } from "../hide-fingerprints.ts";
import type { RunLiveTest } from "../live-test/run-live-test.ts";
import { checkValidationMode, validateLive } from "../live-test/validate-live.ts";
import type { ProfileRepository } from "../store/profile-repository.ts";

/** 20 of 62 characters are 119 random bits: collisions are practically impossible. */
const randomPart = customAlphabet("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 20);

/**
 * Stores a new profile after validating its configuration, live if the request asks for it; with `validate_only` returns the
 * preview alone. A replay under the same request_id returns the profile of the first request. Throws FIELD_INVALID,
 * PROFILE_NAME_TAKEN, REQUEST_ID_REUSED or TARGET_UNUSABLE, or a CONNECTOR_* reason like `resolveNew`.
 */
export function createConnectionProfile(
  deps: ResolveDeps & { profiles: ProfileRepository; runLiveTest: RunLiveTest },
): MethodImpl<typeof ConnectionProfileService.method.createConnectionProfile> {
  return async (request, context) => {
    const caller = actorOf(context);
    const { name, labels, validationMode, validateOnly, requestId } = request;
    checkValidationMode(context, validationMode);
    const repeatable = requestId === "" ? { requestId, body: "", formerBody: "" } : { requestId, ...bodiesOf(request) };
    const first = await deps.profiles.findReplay(caller, repeatable);
    if (first !== undefined && !validateOnly) return { connectionProfile: hideFingerprints(context, first) };
    const requested = request.config ?? create(ConnectorConfigSchema);
    const resolved = resolveNew(deps, caller.organizationId, request.connector, requested).forStorage();
    const { withSecrets, withoutSecrets: config, description, newSecrets: secrets, destination } = resolved;
    const connector = withSecrets.connector.id;
    const id = `cp_${randomPart()}`;
    const testTarget = {
      ...withSecrets,
      withoutSecrets: config,
      profile: undefined,
      edited: false,
      ...(validateOnly ? {} : { futureId: id }),
    };
    const report = await validateLive(deps.runLiveTest, context, validationMode, testTarget);
    if (validateOnly) {
      await deps.profiles.checkName(caller.organizationId, name);
      const states = previewSecretStates(withSecrets.connector, [], { newSecrets: secrets, removed: [] });
      const preview = { name, labels, connector, config, description, secrets: states };
      return { connectionProfile: create(ConnectionProfileSchema, preview), report };
    }
    const profile = { id, name, labels, connector, config, description, secrets, destination };
    const written = await deps.profiles.insert(caller, profile, repeatable);
    return { connectionProfile: hideFingerprints(context, written), report };
  };
}

/**
 * Returns the part of the request that a replay must have in common with the first request: what is meant, with defaults filled
 * in, however it is written.
 */
function bodiesOf(request: CreateConnectionProfileRequest): { body: string; formerBody: string } {
  const { config, validationMode } = request;
  const body = textOf({
    ...request,
    connector: request.connector || (config?.connector.case ?? ""),
    validationMode: validationMode === ValidationMode.SCHEMA ? ValidationMode.UNSPECIFIED : validationMode,
  });
  return { body, formerBody: textOf(request) };
}

function textOf(request: CreateConnectionProfileRequest): string {
  const message = create(CreateConnectionProfileRequestSchema, { ...request, requestId: "" });
  return canonicalJson(toJson(CreateConnectionProfileRequestSchema, message));
}
