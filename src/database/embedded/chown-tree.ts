import { chown, lchown, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Makes a folder and all in it a user's. The folder itself comes last: whoever was interrupted sees its old owner and goes on. */
export async function chownTree(folder: string, { uid, gid }: { uid: number; gid: number }): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true })) await lchown(join(folder, entry), uid, gid);
  await chown(folder, uid, gid);
}
