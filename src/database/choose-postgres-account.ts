import { chown, lchown, readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** Whom to run PostgreSQL as, in the form child_process takes; empty for the user of this process. */
export type PostgresAccount = { readonly uid?: number; readonly gid?: number };

/** `nobody` of every common Linux distribution. initdb looks the uid up, so it must be one that has a name. */
const nobody = 65_534;

/**
 * PostgreSQL refuses uid 0. Started by root it runs as the owner of an existing cluster, or as `nobody`, who then owns
 * the cluster but cannot enter the 0700 data directory around it by its path, and neither can anyone else of that uid.
 */
export async function choosePostgresAccount(clusterDir: string): Promise<PostgresAccount> {
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
  if (owner === undefined) return { uid: nobody, gid: nobody };
  if (owner.uid !== 0) return owner;
  await giveTree(clusterDir, nobody); // root has copied it here, from a backup for example
  return { uid: nobody, gid: nobody };
}

async function ownerOf(folder: string): Promise<{ uid: number; gid: number } | undefined> {
  try {
    const { uid, gid } = await stat(folder);
    return { uid, gid };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** The folder itself last: should this be interrupted, the next start still sees root as its owner and goes on. */
async function giveTree(folder: string, id: number): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true })) await lchown(join(folder, entry), id, id);
  await chown(folder, id, id);
}
