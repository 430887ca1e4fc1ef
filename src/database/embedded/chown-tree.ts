import { chown, lchown, readdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * Sets the owner of a folder and all of its content. The folder itself comes last: after an interruption it still has its old
 * owner, and the next start repeats the change.
 */
export async function chownTree(folder: string, { uid, gid }: { uid: number; gid: number }): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true })) await lchown(join(folder, entry), uid, gid);
  await chown(folder, uid, gid);
}
