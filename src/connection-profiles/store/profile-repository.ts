import type { Knex } from "knex";
import type { ConnectionProfile, ConnectionProfileRevision } from "../../../gen/connectory/v1/connection_profile_pb.js";
import { coalesce } from "../../concurrency/coalesce.ts";
import { runTransaction } from "../../database/run-transaction.ts";
import type { Actor } from "../../interceptors/event-actor.ts";
import type { SecretStore } from "../../secrets/secret-store.ts";
import { requireEtag } from "../errors.ts";
import type { SavedProfile } from "../saved-profile.ts";
import type { RecordTestRun } from "../test-run.ts";
import { expungeProfile } from "./expunge-profile.ts";
import { findProfiles, type ProfileKey } from "./find-profiles.ts";
import { findReplay, type IdempotentRequest, saveIdempotentRequest } from "./idempotent-request.ts";
import { insertProfile, type NewProfile } from "./insert-profile.ts";
import { listProfiles, type ProfilePage, type ProfileQuery } from "./list/list-profiles.ts";
import { listRevisions, type RevisionPage, readRevision } from "./list/list-revisions.ts";
import { lockProfile, readProfile, readSaved } from "./read-profile.ts";
import { recordTestResults, type TestResultRecord } from "./record-test-results.ts";
import type { DigestRequest } from "./request-digest.ts";
import { mapUniqueNameViolation, requireUniqueName } from "./unique-name.ts";
import { markDeleted, type ProfileUpdate, updateProfile } from "./update-profile.ts";

/**
 * The profiles of all organizations; each call reads and writes only the given one. A write is one transaction with its event,
 * its revision and its entry in the history. Throws PROFILE_NAME_TAKEN for a name in use, and ETAG_MISMATCH when the given etag
 * (empty: any) is not the stored one.
 */
export interface ProfileRepository {
  /** Writes a profile. A replay of a request returns the profile of the first one. Throws REQUEST_ID_REUSED. */
  insert(caller: Actor, profile: NewProfile, request: IdempotentRequest): Promise<ConnectionProfile>;
  /**
   * Returns the profile of the caller's first request with the same request_id; undefined when there is none. Throws
   * REQUEST_ID_REUSED.
   */
  findReplay(caller: Actor, request: IdempotentRequest): Promise<ConnectionProfile | undefined>;
  /** Returns undefined when the stored state is no longer the one that the update was computed from. */
  update(caller: Actor, update: ProfileUpdate): Promise<ConnectionProfile | undefined>;
  /** Returns undefined when there is none, or it is deleted already. */
  remove(caller: Actor, id: string, etag: string): Promise<ConnectionProfile | undefined>;
  /** Returns undefined when there is none. `was` says whether it was deleted; a profile that was not is returned unchanged. */
  undelete(caller: Actor, id: string, etag: string): Promise<{ profile: ConnectionProfile; was: boolean } | undefined>;
  /** Returns the organization's revision; undefined when there is none. */
  expunge(caller: Actor, id: string, etag: string): Promise<bigint | undefined>;
  /** Throws PROFILE_NAME_TAKEN when a profile has the name, other than that with `ownId` (default: none). */
  checkName(organizationId: string, name: string, ownId?: string): Promise<void>;
  find(organizationId: string, id: string): Promise<ConnectionProfile | undefined>;
  /** Returns the profile with its secrets, still encrypted. */
  findSaved(organizationId: string, id: string): Promise<SavedProfile | undefined>;
  list(organizationId: string, query: ProfileQuery): Promise<ProfilePage>;
  /** Returns the revisions before `before` (undefined: all), the newest first. */
  revisions(organizationId: string, id: string, before: bigint | undefined, limit: number): Promise<RevisionPage>;
  revision(organizationId: string, id: string, revision: bigint): Promise<ConnectionProfileRevision | undefined>;
  recordTestRun: RecordTestRun;
}

/** Dependencies of the profile repository. */
export interface ProfileRepositoryDeps {
  readonly knex: Knex;
  readonly secretStore: SecretStore;
  readonly digest: DigestRequest;
  /** Called after each commit: the log has new events. */
  onCommit(): void;
}

/** Limits of batched reads, as for connections; a batch of the largest configurations is 13 MB. */
const findLimits = { maxBatch: 64, maxRunning: 2, maxWaiting: 20_000 };
/** Limits of batched test results. One batch at a time, so that two cannot wait for each other's row locks. */
const tryLimits = { maxBatch: 64, maxRunning: 1, maxWaiting: 20_000 };

/** Returns the repository: concurrent finds, and concurrent test results, are joined into batches. */
export function createProfileRepository({
  knex,
  secretStore,
  digest,
  onCommit,
}: ProfileRepositoryDeps): ProfileRepository {
  const write = async <T>(work: (trx: Knex.Transaction) => Promise<T>): Promise<T> => {
    const written = await runTransaction(knex, work);
    if (written !== undefined) onCommit();
    return written;
  };
  /** Runs `work` on the locked profile, after checking its etag. */
  const change = <T>(
    { organizationId }: Actor,
    id: string,
    etag: string,
    work: (trx: Knex.Transaction, before: ConnectionProfile) => Promise<T>,
  ): Promise<T | undefined> =>
    write(async (trx) => {
      const before = await lockProfile(trx, organizationId, id);
      if (before === undefined) return undefined;
      requireEtag(etag, before.etag);
      return work(trx, before);
    });
  const find = coalesce<ProfileKey, ConnectionProfile | undefined>((keys) => findProfiles(knex, keys), findLimits);
  const record = coalesce<TestResultRecord, undefined>((items) => recordTestResults(knex, items), tryLimits);
  return {
    insert: (caller, profile, request) =>
      mapUniqueNameViolation(knex, caller.organizationId, profile.name, () =>
        write((trx) =>
          saveIdempotentRequest(trx, digest, caller, request, () => insertProfile(trx, secretStore, caller, profile)),
        ),
      ),
    findReplay: (caller, request) => findReplay(knex, digest, caller, request),
    update: (caller, update) =>
      mapUniqueNameViolation(knex, caller.organizationId, update.name, async () => ({
        updated: await write((trx) => updateProfile(trx, secretStore, caller, update)),
      })).then(({ updated }) => updated),
    remove: (caller, id, etag) =>
      write(async (trx) => {
        const before = await lockProfile(trx, caller.organizationId, id);
        // A repeated delete finds the profile deleted, whatever its etag is by then.
        if (before === undefined || before.deletedAt !== undefined) return undefined;
        requireEtag(etag, before.etag);
        return markDeleted(trx, caller, before, true);
      }),
    undelete: async (caller, id, etag) => {
      const name = (await readProfile(knex, caller.organizationId, id))?.name ?? "";
      return mapUniqueNameViolation(knex, caller.organizationId, name, async () => ({
        undeleted: await change(caller, id, etag, async (trx, before) => {
          const was = before.deletedAt !== undefined;
          return { profile: was ? await markDeleted(trx, caller, before, false) : before, was };
        }),
      })).then(({ undeleted }) => undeleted);
    },
    expunge: (caller, id, etag) => change(caller, id, etag, (trx, before) => expungeProfile(trx, caller, before)),
    checkName: (organizationId, name, ownId) => requireUniqueName(knex, organizationId, name, ownId),
    find: (organizationId, id) => find({ organizationId, id }),
    findSaved: (organizationId, id) => readSaved(knex, organizationId, id),
    list: (organizationId, query) => listProfiles(knex, organizationId, query),
    revisions: (organizationId, id, before, limit) => listRevisions(knex, organizationId, id, before, limit),
    revision: (organizationId, id, revision) => readRevision(knex, organizationId, id, revision),
    recordTestRun: async (caller, testTarget, testRun) => {
      await record({ caller, testTarget, testRun });
      onCommit();
    },
  };
}
