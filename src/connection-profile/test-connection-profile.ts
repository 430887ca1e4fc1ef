import type { HandlerContext, MethodImpl } from "@connectrpc/connect";
import type {
  ConnectionProfileService,
  TestConnectionProfileRequest,
} from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { principalKey } from "../auth/principal.ts";
import type { ConnectorRegistry } from "../connectors/index.ts";
import type { TestThreads } from "../connectors/open-test-threads.ts";
import { fieldsInvalid } from "../failure.ts";
import { type Choice, checkConfig, chooseConnector } from "./choose-connector.ts";
import type { TakeTestSlot } from "./create-test-slots.ts";
import { profileNotFound } from "./profile-not-found.ts";
import type { ProfileRepository } from "./profile-repository.ts";
import type { SecretKeys } from "./seal-secret.ts";
import { openSecrets } from "./seal-secrets.ts";
import { joinSecrets } from "./split-secrets.ts";

/** What the verb works with. */
export interface TestConnectionProfileDeps {
  readonly registry: ConnectorRegistry;
  readonly profiles: ProfileRepository;
  readonly keys: SecretKeys;
  readonly runTest: TestThreads["run"];
  readonly takeTestSlot: TakeTestSlot;
  /** How long a test may take, in milliseconds. */
  readonly deadlineMs?: number;
}

const defaultDeadlineMs = 10_000;

/** What a caller with a deadline of its own keeps of it, so that the report arrives rather than DEADLINE_EXCEEDED. */
const reportMs = 250;

/** Tries a saved profile or an unsaved configuration against the real system. */
export function testConnectionProfile(
  deps: TestConnectionProfileDeps,
): MethodImpl<typeof ConnectionProfileService.method.testConnectionProfile> {
  return async (request, context) => {
    const { organizationId } = context.values.get(principalKey);
    const { connector, config } = await readChoice(deps, organizationId, request);
    const giveBack = deps.takeTestSlot(organizationId);
    const { signal } = context;
    const deadlineMs = shortest(deps.deadlineMs ?? defaultDeadlineMs, context);
    const outcome = await deps.runTest({ organizationId, connector, config, signal, deadlineMs }).finally(giveBack);
    return { ...outcome, done: true };
  };
}

function shortest(deadlineMs: number, { timeoutMs }: HandlerContext): number {
  const left = timeoutMs();
  return left === undefined ? deadlineMs : Math.max(1, Math.min(deadlineMs, left - reportMs));
}

/** The connector and the configuration with its secrets that a request means. */
async function readChoice(
  { registry, profiles, keys }: TestConnectionProfileDeps,
  organizationId: string,
  { id, config, connector: named }: TestConnectionProfileRequest,
): Promise<Choice> {
  if ((id === "") === (config === undefined)) throw fieldsInvalid({ field: id === "" ? "config" : "id", description });
  if (config !== undefined) {
    const choice = chooseConnector(registry, named, config);
    checkConfig(choice, config);
    return choice;
  }
  const profile = await profiles.find(organizationId, id);
  if (profile?.config === undefined) throw profileNotFound();
  const { connector, config: bare } = chooseConnector(registry, named, profile.config);
  const secrets = openSecrets(keys, { organizationId, profileId: id }, await profiles.secrets(organizationId, id));
  return { connector, config: joinSecrets(connector.config, bare, secrets) };
}

const description = "give either the id of a saved profile or an unsaved config";
