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

/** What a profile is to become. */
export interface ProfileUpdateStep {
  readonly after: ProfileContent;
  /** Undefined when the configuration and its secrets stay untouched, whether they can be read or not. */
  readonly resolved: ResolvedConfig | undefined;
}

/** A write that is made from the state that is there. */
export interface OptimisticUpdateOptions {
  readonly id: string;
  /** The state that the caller has seen; empty: whichever is there. */
  readonly etag: string;
  readonly change: ProfileChange;
  readonly mode: ValidationMode;
  /** Makes the new state from the stored one. */
  computeNext(saved: SavedProfile): Promise<ProfileUpdateStep>;
  /** With it nothing is written; it gets what would have been. */
  preview?(profile: ConnectionProfile, next: ProfileUpdateStep): Promise<ConnectionProfile>;
}

export interface UpdatedProfile {
  readonly connectionProfile: ConnectionProfile;
  readonly report: TestReport | undefined;
}

export interface OptimisticUpdateDeps {
  readonly profiles: ProfileRepository;
  readonly runLiveTest: RunLiveTest;
  readonly withLock: WithLock;
}

/** A configuration that was found to work, as bytes. */
interface Tested {
  readonly config: Uint8Array;
  readonly report: TestReport | undefined;
}

/**
 * Of servers that write the same profile without an etag at the same time, how often one makes its state again before it
 * gives up. Within a server they take turns.
 */
const maxAttempts = 5;

/**
 * Reads a profile, makes a new state of it, and writes that over the state that was read and over no other. A live test runs
 * in between, outside of the turn; what it has found to work is not tested again when another write came first.
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

/** The end of it, a state that must be tested first, or the etag of the state over which nothing could be written. */
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
  if (resolved?.rebound) requirePermission(context, "profiles.rebind", "a change of where stored secrets are sent");
  if (mode === ValidationMode.LIVE && resolved !== undefined && !isTested(resolved.ready, tested))
    return { testTarget: { ...resolved.ready, bare: resolved.bare, profile, edited: true } };
  const report = tested?.report;
  if (preview !== undefined) return { connectionProfile: await preview(profile, next), report };
  const secrets = resolved === undefined ? [] : [...resolved.given.keys(), ...resolved.removed];
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
