import type { Knex } from "knex";
import type { ConnectionProfile } from "../../gen/connectory/v1/connection_profile_pb.js";
import type { Caller } from "../interceptors/caller.ts";
import { insertProfile, type NewProfile } from "./insert-profile.ts";
import { listProfiles, type ProfilePage } from "./list-profiles.ts";
import type { StoredSecret } from "./profile-row.ts";
import { profilesOf, readProfile, secretsOf } from "./read-profile.ts";
import { type RemovedProfile, removeProfile } from "./remove-profile.ts";

/** The profiles of all organizations; every method stays inside the one that it is given. */
export interface ProfileRepository {
  /** Writes a profile with its secrets and its event, and reads it back; or says whose the name is already. */
  insert(caller: Caller, profile: NewProfile): Promise<ConnectionProfile | { readonly nameTakenBy: string }>;
  find(organizationId: string, id: string): Promise<ConnectionProfile | undefined>;
  /** Profiles in the order of their names (bytewise), those after the given name: `limit` at most, fewer large ones. */
  list(organizationId: string, afterName: string, limit: number): Promise<ProfilePage>;
  /** Removes a profile with its secrets. Undefined when there is none. */
  remove(caller: Caller, id: string): Promise<RemovedProfile | undefined>;
  /** A profile's secrets, still sealed. */
  secrets(organizationId: string, id: string): Promise<readonly StoredSecret[]>;
}

/** `onWrite` is called after each commit: there is a new event in the log. */
export function createProfileRepository({ knex, onWrite }: { knex: Knex; onWrite: () => void }): ProfileRepository {
  const repository: ProfileRepository = {
    insert: async (caller, profile) => {
      const written = await knex.transaction((trx) => insertProfile(trx, caller, profile));
      if (written !== undefined) {
        onWrite();
        return written;
      }
      const holder = await profilesOf(knex, caller.organizationId).where({ name: profile.name }).first("id");
      // None: it was deleted in between, and the name is free again.
      return holder === undefined ? repository.insert(caller, profile) : { nameTakenBy: holder.id };
    },
    find: (organizationId, id) => readProfile(knex, organizationId, id),
    list: (organizationId, afterName, limit) => listProfiles(knex, organizationId, afterName, limit),
    remove: async (caller, id) => {
      const removed = await knex.transaction((trx) => removeProfile(trx, caller, id));
      if (removed !== undefined) onWrite();
      return removed;
    },
    secrets: async (organizationId, id) => {
      const rows = await secretsOf(knex, organizationId).where({ profile_id: id }).orderBy("path");
      return rows.map(({ path, key_id, ciphertext, fingerprint }) => ({
        path,
        keyId: key_id,
        ciphertext,
        fingerprint,
      }));
    },
  };
  return repository;
}
