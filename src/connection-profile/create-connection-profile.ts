import { create } from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import { customAlphabet } from "nanoid";
import type { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import type { ConnectorRegistry } from "../connectors/index.ts";
import { Failure } from "../failure.ts";
import { callerOf } from "../interceptors/caller.ts";
import { checkSize } from "./check-size.ts";
import { checkConfig, chooseConnector, toConnectorConfig } from "./choose-connector.ts";
import type { ProfileRepository } from "./profile-repository.ts";
import type { SecretKeys } from "./seal-secret.ts";
import { sealSecrets } from "./seal-secrets.ts";
import { splitSecrets } from "./split-secrets.ts";

/** 20 of 62 characters are 119 bits: two alike will not be seen. */
const randomPart = customAlphabet("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 20);

/** Keeps a new profile after validating its configuration. */
export function createConnectionProfile(deps: {
  registry: ConnectorRegistry;
  profiles: ProfileRepository;
  keys: SecretKeys;
}): MethodImpl<typeof ConnectionProfileService.method.createConnectionProfile> {
  return async (request, context) => {
    const caller = callerOf(context);
    const whole = request.config ?? create(ConnectorConfigSchema);
    const choice = chooseConnector(deps.registry, request.connector, whole);
    checkConfig(choice, whole);

    const id = `cp_${randomPart()}`;
    const { connector } = choice;
    const { config, secrets } = splitSecrets(connector.config, choice.config);
    const bare = toConnectorConfig({ connector, config });
    checkSize(bare);
    const written = await deps.profiles.insert(caller, {
      id,
      name: request.name,
      connector: connector.id,
      config: bare,
      description: connector.describe(config),
      secrets: sealSecrets(deps.keys, { organizationId: caller.organizationId, profileId: id }, secrets),
    });
    if ("nameTakenBy" in written) throw nameTaken(request.name, written.nameTakenBy);
    return { connectionProfile: written };
  };
}

function nameTaken(name: string, id: string): Failure {
  return new Failure(ErrorReason.PROFILE_NAME_TAKEN, `name: ${id} has the name ${JSON.stringify(name)} already`, {
    metadata: { id },
  });
}
