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
 * The profiles of all organizations; every method stays inside the one that it is given. A write is one transaction with
 * its event, its revision and its place in the history. Names that are taken throw PROFILE_NAME_TAKEN, another etag than
 * the one that is asked for (empty: any) ETAG_MISMATCH.
 */
export interface ProfileRepository {
  /** Writes a profile; a request that came before gets the profile of that time. */
  insert(caller: Actor, profile: NewProfile, request: IdempotentRequest): Promise<ConnectionProfile>;
  /** What a request of the caller was answered that came before; undefined when it did not. Throws REQUEST_ID_REUSED. */
  findReplay(caller: Actor, request: IdempotentRequest): Promise<ConnectionProfile | undefined>;
  /** Undefined when the profile is not in the state that the update was made from any more. */
  update(caller: Actor, update: ProfileUpdate): Promise<ConnectionProfile | undefined>;
  /** Undefined when there is none, or it is deleted already. */
  remove(caller: Actor, id: string, etag: string): Promise<ConnectionProfile | undefined>;
  /** Undefined when there is none; a profile that is not deleted is answered as it is. */
  undelete(caller: Actor, id: string, etag: string): Promise<{ profile: ConnectionProfile; was: boolean } | undefined>;
  /** The organization's revision; undefined when there is none. */
  expunge(caller: Actor, id: string, etag: string): Promise<bigint | undefined>;
  /** Throws PROFILE_NAME_TAKEN when a profile other than the given one has the name. */
  checkName(organizationId: string, name: string, ownId?: string): Promise<void>;
  find(organizationId: string, id: string): Promise<ConnectionProfile | undefined>;
  /** With its secrets, still sealed. */
  findSaved(organizationId: string, id: string): Promise<SavedProfile | undefined>;
  list(organizationId: string, query: ProfileQuery): Promise<ProfilePage>;
  /** The states before a revision (undefined: all), the newest first. */
  revisions(organizationId: string, id: string, before: bigint | undefined, limit: number): Promise<RevisionPage>;
  revision(organizationId: string, id: string, revision: bigint): Promise<ConnectionProfileRevision | undefined>;
  recordTestRun: RecordTestRun;
}

export interface ProfileRepositoryDeps {
  readonly knex: Knex;
  readonly secretStore: SecretStore;
  readonly digest: DigestRequest;
  /** Called after each commit: there is a new event in the log. */
  onCommit(): void;
}

/** As for connections; a batch of the largest configurations is 13 MB. */
const findLimits = { maxBatch: 64, maxRunning: 2, maxWaiting: 20_000 };
/** One at a time, so that two cannot wait for each other's profiles. */
const tryLimits = { maxBatch: 64, maxRunning: 1, maxWaiting: 20_000 };

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
  /** A write to a profile that is locked and has the etag. */
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
        // Sent again it finds the profile deleted, whatever its etag is by then.
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
