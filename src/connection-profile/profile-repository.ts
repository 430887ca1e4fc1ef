import type { Knex } from "knex";
import type { ConnectionProfile, ConnectionProfileRevision } from "../../gen/connectory/v1/connection_profile_pb.js";
import { coalesce } from "../database/coalesce.ts";
import { runTransaction } from "../database/run-transaction.ts";
import type { Caller } from "../interceptors/caller.ts";
import type { SecretVault } from "../secrets/open-vault.ts";
import { checkEtag } from "./check-etag.ts";
import type { DigestRequest } from "./digest-request.ts";
import { expungeProfile } from "./expunge-profile.ts";
import { findProfiles, type ProfileKey } from "./find-profiles.ts";
import { insertProfile, type NewProfile } from "./insert-profile.ts";
import { listProfiles, type ProfilePage, type ProfileQuery } from "./list-profiles.ts";
import { listRevisions, type RevisionPage, readRevision } from "./list-revisions.ts";
import { lockProfile, readProfile, readSaved, type SavedProfile } from "./read-profile.ts";
import { recordTries, type TryRecord } from "./record-tries.ts";
import { type RepeatableRequest, recallRequest, rememberRequest } from "./remember-request.ts";
import type { RecordTry } from "./test-target-type.ts";
import { markDeleted, type ProfileUpdate, updateProfile } from "./update-profile.ts";
import { checkNameFree, withFreeName } from "./with-free-name.ts";

/**
 * The profiles of all organizations; every method stays inside the one that it is given. A write is one transaction with
 * its event, its revision and its place in the history. Names that are taken throw PROFILE_NAME_TAKEN, another etag than
 * the one that is asked for (empty: any) ETAG_MISMATCH.
 */
export interface ProfileRepository {
  /** Writes a profile; a request that came before gets the profile of that time. */
  insert(caller: Caller, profile: NewProfile, request: RepeatableRequest): Promise<ConnectionProfile>;
  /** What a request of the caller was answered that came before; undefined when it did not. Throws REQUEST_ID_REUSED. */
  findRequest(caller: Caller, request: RepeatableRequest): Promise<ConnectionProfile | undefined>;
  /** Undefined when the profile is not in the state that the update was made from any more. */
  update(caller: Caller, update: ProfileUpdate): Promise<ConnectionProfile | undefined>;
  /** Undefined when there is none, or it is deleted already. */
  remove(caller: Caller, id: string, etag: string): Promise<ConnectionProfile | undefined>;
  /** Undefined when there is none; a profile that is not deleted is answered as it is. */
  undelete(caller: Caller, id: string, etag: string): Promise<{ profile: ConnectionProfile; was: boolean } | undefined>;
  /** The organization's revision; undefined when there is none. */
  expunge(caller: Caller, id: string, etag: string): Promise<bigint | undefined>;
  /** Throws PROFILE_NAME_TAKEN when a profile other than the given one has the name. */
  checkName(organizationId: string, name: string, ownId?: string): Promise<void>;
  find(organizationId: string, id: string): Promise<ConnectionProfile | undefined>;
  /** With its secrets, still sealed. */
  findSaved(organizationId: string, id: string): Promise<SavedProfile | undefined>;
  list(organizationId: string, query: ProfileQuery): Promise<ProfilePage>;
  /** The states before a revision (undefined: all), the newest first. */
  revisions(organizationId: string, id: string, before: bigint | undefined, limit: number): Promise<RevisionPage>;
  revision(organizationId: string, id: string, revision: bigint): Promise<ConnectionProfileRevision | undefined>;
  recordTry: RecordTry;
}

export interface ProfileRepositoryDeps {
  readonly knex: Knex;
  readonly vault: SecretVault;
  readonly digest: DigestRequest;
  /** Called after each commit: there is a new event in the log. */
  onCommit(): void;
}

/** As for connections; a batch of the largest configurations is 13 MB. */
const findLimits = { maxBatch: 64, maxRunning: 2, maxWaiting: 20_000 };
/** One at a time, so that two cannot wait for each other's profiles. */
const tryLimits = { maxBatch: 64, maxRunning: 1, maxWaiting: 20_000 };

export function createProfileRepository({ knex, vault, digest, onCommit }: ProfileRepositoryDeps): ProfileRepository {
  const write = async <T>(work: (trx: Knex.Transaction) => Promise<T>): Promise<T> => {
    const written = await runTransaction(knex, work);
    if (written !== undefined) onCommit();
    return written;
  };
  /** A write to a profile that is locked and has the etag. */
  const change = <T>(
    { organizationId }: Caller,
    id: string,
    etag: string,
    work: (trx: Knex.Transaction, before: ConnectionProfile) => Promise<T>,
  ): Promise<T | undefined> =>
    write(async (trx) => {
      const before = await lockProfile(trx, organizationId, id);
      if (before === undefined) return undefined;
      checkEtag(etag, before.etag);
      return work(trx, before);
    });
  const find = coalesce<ProfileKey, ConnectionProfile | undefined>((keys) => findProfiles(knex, keys), findLimits);
  const record = coalesce<TryRecord, undefined>((items) => recordTries(knex, items), tryLimits);
  return {
    insert: (caller, profile, request) =>
      withFreeName(knex, caller.organizationId, profile.name, () =>
        write((trx) => rememberRequest(trx, digest, caller, request, () => insertProfile(trx, vault, caller, profile))),
      ),
    findRequest: (caller, request) => recallRequest(knex, digest, caller, request),
    update: (caller, update) =>
      withFreeName(knex, caller.organizationId, update.name, async () => ({
        updated: await write((trx) => updateProfile(trx, vault, caller, update)),
      })).then(({ updated }) => updated),
    remove: (caller, id, etag) =>
      write(async (trx) => {
        const before = await lockProfile(trx, caller.organizationId, id);
        // Sent again it finds the profile deleted, whatever its etag is by then.
        if (before === undefined || before.deletedAt !== undefined) return undefined;
        checkEtag(etag, before.etag);
        return markDeleted(trx, caller, before, true);
      }),
    undelete: async (caller, id, etag) => {
      const name = (await readProfile(knex, caller.organizationId, id))?.name ?? "";
      return withFreeName(knex, caller.organizationId, name, async () => ({
        undeleted: await change(caller, id, etag, async (trx, before) => {
          const was = before.deletedAt !== undefined;
          return { profile: was ? await markDeleted(trx, caller, before, false) : before, was };
        }),
      })).then(({ undeleted }) => undeleted);
    },
    expunge: (caller, id, etag) => change(caller, id, etag, (trx, before) => expungeProfile(trx, caller, before)),
    checkName: (organizationId, name, ownId) => checkNameFree(knex, organizationId, name, ownId),
    find: (organizationId, id) => find({ organizationId, id }),
    findSaved: (organizationId, id) => readSaved(knex, organizationId, id),
    list: (organizationId, query) => listProfiles(knex, organizationId, query),
    revisions: (organizationId, id, before, limit) => listRevisions(knex, organizationId, id, before, limit),
    revision: (organizationId, id, revision) => readRevision(knex, organizationId, id, revision),
    recordTry: async (caller, candidate, tried) => {
      await record({ caller, candidate, tried });
      onCommit();
    },
  };
}
