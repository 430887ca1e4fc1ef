import { stat } from "node:fs/promises";
import { chownTree } from "./chown-tree.ts";
import { nobody, type OsUser, unusedOsUser } from "./unused-os-user.ts";

/** The user that runs PostgreSQL, in the form of child_process; empty for the user of this process. */
export type PostgresOsUser = OsUser | { readonly uid?: never; readonly gid?: never };

/**
 * Returns the user that runs PostgreSQL, which refuses uid 0. Started by root it runs as the owner of an existing cluster, or
 * as a user that runs nothing else: only that user and root can then reach the socket, which requires no password. A cluster of
 * root (copied from a backup, for example) or of `nobody` (as versions before created it) is given to such a user; no server
 * may run on it meanwhile. Throws when the cluster belongs to another user than that of this process, and for root outside of
 * Linux.
 */
export async function choosePostgresOsUser(clusterDir: string): Promise<PostgresOsUser> {
  const own = process.getuid?.();
  const owner = await ownerOf(clusterDir);
  if (own !== 0) {
    if (owner === undefined || owner.uid === own) return {};
    throw new Error(
      `${clusterDir} belongs to uid ${owner.uid} and this process runs as uid ${own}: start it as the same user as before, or as root`,
    );
  }
  if (process.platform !== "linux") {
    throw new Error(
      "The embedded PostgreSQL cannot be started by root here: use an ordinary user, or set DATABASE_URL",
    );
  }
  if (owner !== undefined && owner.uid !== 0 && owner.uid !== nobody) return owner;
  const account = await unusedOsUser();
  if (owner !== undefined && owner.uid !== account.uid) await chownTree(clusterDir, account);
  return account;
}

async function ownerOf(folder: string): Promise<OsUser | undefined> {
  try {
    const { uid, gid } = await stat(folder);
    return { uid, gid };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
