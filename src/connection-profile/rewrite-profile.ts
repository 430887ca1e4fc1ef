import { toBinary } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { ConnectionProfile, ProfileChange } from "../../gen/connectory/v1/connection_profile_pb.js";
import { ValidationMode } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import type { TestReport } from "../../gen/connectory/v1/test_report_pb.js";
import type { WithLock } from "../concurrency/keyed-mutex.ts";
import { callerOf } from "../interceptors/caller.ts";
import { changedFields, type ProfileContent } from "./changed-fields.ts";
import { checkEtag, etagMismatch } from "./check-etag.ts";
import type { Choice } from "./choose-connector.ts";
import { mustBeThere } from "./profile-not-found.ts";
import type { ProfileRepository } from "./profile-repository.ts";
import type { SavedProfile } from "./read-profile.ts";
import { requirePermission } from "./require-permission.ts";
import type { ResolvedConfig } from "./resolved-config.ts";
import type { RunCandidate } from "./run-candidate.ts";
import type { TestTarget } from "./test-target-type.ts";
import { validateLive } from "./validate-live.ts";

/** What a profile is to become. */
export interface Rewrite {
  readonly after: ProfileContent;
  /** Undefined when the configuration and its secrets stay untouched, whether they can be read or not. */
  readonly resolved: ResolvedConfig | undefined;
}

/** A write that is made from the state that is there. */
export interface RewriteOptions {
  readonly id: string;
  /** The state that the caller has seen; empty: whichever is there. */
  readonly etag: string;
  readonly change: ProfileChange;
  readonly mode: ValidationMode;
  /** Makes the new state from the stored one. */
  make(saved: SavedProfile): Promise<Rewrite>;
  /** With it nothing is written; it gets what would have been. */
  preview?(profile: ConnectionProfile, rewrite: Rewrite): Promise<ConnectionProfile>;
}

export interface Rewritten {
  readonly connectionProfile: ConnectionProfile;
  readonly report: TestReport | undefined;
}

export interface RewriteDeps {
  readonly profiles: ProfileRepository;
  readonly runCandidate: RunCandidate;
  readonly withLock: WithLock;
}

/** A configuration that was found to work, as bytes. */
interface Tested {
  readonly config: Uint8Array;
  readonly report: TestReport | undefined;
}

/**
 * Of servers that write the same profile without an etag at the same time, how often one makes its state anew before it
 * gives up. Within a server they take turns.
 */
const maxTries = 5;

/**
 * Reads a profile, makes a new state of it, and writes that over the state that was read and over no other. A live test runs
 * in between, outside of the turn; what it has found to work is not tested again when another write came first.
 */
export async function rewriteProfile(
  deps: RewriteDeps,
  context: HandlerContext,
  options: RewriteOptions,
): Promise<Rewritten> {
  const { organizationId } = callerOf(context);
  let tested: Tested | undefined;
  for (let tries = 1; ; ) {
    const outcome = await deps.withLock(`${organizationId} ${options.id}`, () =>
      tryOnce(deps, context, options, tested),
    );
    if ("connectionProfile" in outcome) return outcome;
    if ("candidate" in outcome) {
      const { candidate } = outcome;
      const report = await validateLive(deps.runCandidate, context, options.mode, candidate);
      tested = { config: toBinary(candidate.connector.config, candidate.config), report };
    } else if (tries === maxTries) throw etagMismatch(outcome.lost);
    else tries += 1;
  }
}

/** The end of it, a state that must be tested first, or the etag of the state over which nothing could be written. */
type AttemptResult = Rewritten | { readonly candidate: TestTarget } | { readonly lost: string };

async function tryOnce(
  deps: RewriteDeps,
  context: HandlerContext,
  options: RewriteOptions,
  tested: Tested | undefined,
): Promise<AttemptResult> {
  const caller = callerOf(context);
  const { id, etag, change, mode, make, preview } = options;
  const saved = mustBeThere(await deps.profiles.findSaved(caller.organizationId, id));
  const { profile } = saved;
  checkEtag(etag, profile.etag);
  const rewrite = await make(saved);
  const { after, resolved } = rewrite;
  if (resolved?.rebound) requirePermission(context, "profiles.rebind", "a change of where stored secrets are sent");
  if (mode === ValidationMode.LIVE && resolved !== undefined && !isTested(resolved.ready, tested))
    return { candidate: { ...resolved.ready, bare: resolved.bare, profile, edited: true } };
  const report = tested?.report;
  if (preview !== undefined) return { connectionProfile: await preview(profile, rewrite), report };
  const secrets = resolved === undefined ? [] : [...resolved.given.keys(), ...resolved.removed];
  const changed = changedFields(profile.connector, profile, after, secrets);
  if (changed.length === 0) return { connectionProfile: profile, report };
  const { name, labels } = after;
  const state = { id, etag: profile.etag, change, changedFields: changed, name, labels, resolved };
  const written = await deps.profiles.update(caller, state);
  return written === undefined ? { lost: profile.etag } : { connectionProfile: written, report };
}

function isTested({ connector, config }: Choice, tested: Tested | undefined): boolean {
  return tested !== undefined && Buffer.from(tested.config).equals(toBinary(connector.config, config));
}
