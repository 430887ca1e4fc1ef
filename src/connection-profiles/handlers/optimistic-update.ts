import { toBinary } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { ConnectionProfile, ProfileChange } from "../../../gen/connectory/v1/connection_profile_pb.js";
import { ValidationMode } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import type { TestReport } from "../../../gen/connectory/v1/test_report_pb.js";
import type { WithLock } from "../../concurrency/keyed-mutex.ts";
import { actorOf } from "../../interceptors/event-actor.ts";
import { changedFields, type ProfileContent } from "../config/changed-fields.ts";
import type { ResolvedConfig } from "../config/resolve-config.ts";
import type { ConnectorWithConfig } from "../config/select-connector.ts";
import { etagMismatch, requireEtag, requireLive } from "../errors.ts";
import type { RunLiveTest } from "../live-test/run-live-test.ts";
import { validateLive } from "../live-test/validate-live.ts";
import { requirePermission } from "../require-permission.ts";
import type { SavedProfile } from "../saved-profile.ts";
import type { ProfileRepository } from "../store/profile-repository.ts";
import type { TestTarget } from "../test-run.ts";

/** The new state of a profile. */
export interface ProfileUpdateStep {
  readonly after: ProfileContent;
  /** Undefined when the configuration and its secrets stay unchanged, readable or not. */
  readonly resolved: ResolvedConfig | undefined;
}

/** An update that is computed from the stored state. */
export interface OptimisticUpdateOptions {
  readonly id: string;
  /** The etag of the state that the caller has read; empty: any state. */
  readonly etag: string;
  readonly change: ProfileChange;
  readonly mode: ValidationMode;
  /** Computes the new state from the stored one. Called again after a conflict and after a live test. */
  computeNext(saved: SavedProfile): Promise<ProfileUpdateStep>;
  /**
   * When set, nothing is written; it gets the state that would be written and returns the response's profile. Default: none.
   */
  preview?(profile: ConnectionProfile, next: ProfileUpdateStep): Promise<ConnectionProfile>;
}

/** The written profile, and the report of the live test if one ran. */
export interface UpdatedProfile {
  readonly connectionProfile: ConnectionProfile;
  readonly report: TestReport | undefined;
}

/** Dependencies of `optimisticUpdate`. */
export interface OptimisticUpdateDeps {
  readonly profiles: ProfileRepository;
  readonly runLiveTest: RunLiveTest;
  readonly withLock: WithLock;
}

/** A configuration that passed its live test, as bytes. */
interface Tested {
  readonly config: Uint8Array;
  readonly report: TestReport | undefined;
}

/**
 * The number of attempts when other servers write the same profile at the same time without an etag. Within one server the lock
 * orders the writes.
 */
const maxAttempts = 5;

/**
 * Reads a profile, computes its new state, and writes it only if the stored state is still the one that was read. A live test
 * runs in between, without the lock; a configuration that passed it is not tested again after a conflict. Returns the written
 * profile, or the unchanged one when no field differs. Throws PROFILE_NOT_FOUND, PROFILE_DELETED, ETAG_MISMATCH,
 * PERMISSION_MISSING or TARGET_UNUSABLE.
 */
export async function optimisticUpdate(
  deps: OptimisticUpdateDeps,
  context: HandlerContext,
  options: OptimisticUpdateOptions,
): Promise<UpdatedProfile> {
  const { organizationId } = actorOf(context);
  let tested: Tested | undefined;
  for (let attempt = 1; ; ) {
    const outcome = await deps.withLock(`${organizationId} ${options.id}`, () =>
      attemptOnce(deps, context, options, tested),
    );
    if ("connectionProfile" in outcome) return outcome;
    if ("testTarget" in outcome) {
      const { testTarget } = outcome;
      const report = await validateLive(deps.runLiveTest, context, options.mode, testTarget);
      tested = { config: toBinary(testTarget.connector.config, testTarget.config), report };
    } else if (attempt === maxAttempts) throw etagMismatch(outcome.lost);
    else attempt += 1;
  }
}

/** The final result, a state to be tested first, or the etag of the state in a conflict. */
type AttemptResult = UpdatedProfile | { readonly testTarget: TestTarget } | { readonly lost: string };

async function attemptOnce(
  deps: OptimisticUpdateDeps,
  context: HandlerContext,
  options: OptimisticUpdateOptions,
  tested: Tested | undefined,
): Promise<AttemptResult> {
  const caller = actorOf(context);
  const { id, etag, change, mode, computeNext, preview } = options;
  const saved = requireLive(await deps.profiles.findSaved(caller.organizationId, id));
  const { profile } = saved;
  requireEtag(etag, profile.etag);
  const next = await computeNext(saved);
  const { after, resolved } = next;
  if (resolved?.needsRebind) requirePermission(context, "profiles.rebind", "a change of where stored secrets are sent");
  if (mode === ValidationMode.LIVE && resolved !== undefined && !isTested(resolved.withSecrets, tested))
    return { testTarget: { ...resolved.withSecrets, withoutSecrets: resolved.withoutSecrets, profile, edited: true } };
  const report = tested?.report;
  if (preview !== undefined) return { connectionProfile: await preview(profile, next), report };
  const secrets = resolved === undefined ? [] : [...resolved.newSecrets.keys(), ...resolved.removed];
  const changed = changedFields(profile.connector, profile, after, secrets);
  if (changed.length === 0) return { connectionProfile: profile, report };
  const { name, labels } = after;
  const state = { id, etag: profile.etag, change, changedFields: changed, name, labels, resolved };
  const written = await deps.profiles.update(caller, state);
  return written === undefined ? { lost: profile.etag } : { connectionProfile: written, report };
}

function isTested({ connector, config }: ConnectorWithConfig, tested: Tested | undefined): boolean {
  return tested !== undefined && Buffer.from(tested.config).equals(toBinary(connector.config, config));
}
