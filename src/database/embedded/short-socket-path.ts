import { createHash } from "node:crypto";
import { lstat, readlink, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** PostgreSQL's name for the socket of port 5432. */
export const socketName = ".s.PGSQL.5432";

/** The maximum length of `sockaddr_un.sun_path` in bytes, without the final zero. */
const limit = process.platform === "linux" ? 107 : 103;

/**
 * Returns the folder by which clients reach the socket in the cluster's folder: that folder, or a symbolic link to it below the
 * temporary folder when the socket's path is too long for the kernel. PostgreSQL itself works inside the folder and needs no
 * link. The link's name is derived from the path, so every start uses the same one. Throws when the link's path is too long
 * too, or belongs to another user.
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

/**
 * The name is predictable and the temporary folder is writable by all users: a link of another user could lead to that user's
 * server.
 */
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
