import { createHash } from "node:crypto";
import { lstat, readlink, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** PostgreSQL's name for the socket of port 5432. */
export const socketName = ".s.PGSQL.5432";

/** Bytes in `sockaddr_un.sun_path` without the final zero. */
const limit = process.platform === "linux" ? 107 : 103;

/**
 * The folder by which clients reach the socket in the cluster's folder: that folder, or a symbolic link to it below the
 * temporary folder when the socket's path would be too long for the kernel. PostgreSQL itself needs no such link, it
 * works inside the folder. The link's name is made of the path, so every start uses the same one.
 */
export async function shortSocketPath(clusterDir: string): Promise<string> {
  if (fits(clusterDir)) return clusterDir;
  const name = `connectory-${createHash("sha256").update(clusterDir).digest("hex").slice(0, 16)}`;
  const link = [tmpdir(), "/tmp"].map((folder) => join(folder, name)).find(fits);
  if (link === undefined) throw new Error(`DATA_DIR ${clusterDir} is too long a path for a unix socket`);
  if (await leadsTo(link, clusterDir)) return link;
  await symlink(clusterDir, link);
  return link;
}

function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, socketName)) <= limit;
}

/** The name can be guessed and the temporary folder is everybody's: a link that is not ours could lead to someone's own server. */
async function leadsTo(link: string, clusterDir: string): Promise<boolean> {
  const found = await lstat(link).catch(() => undefined);
  if (found === undefined) return false;
  if (found.uid !== process.getuid?.() || !found.isSymbolicLink()) {
    throw new Error(
      `${link} is needed for the socket of the embedded PostgreSQL, but it is somebody else's: remove it`,
    );
  }
  if ((await readlink(link)) === clusterDir) return true;
  await rm(link);
  return false;
}
