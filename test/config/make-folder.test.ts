import { mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { makeFolder } from "../../src/config/make-folder.ts";

const folder = await mkdtemp(join(tmpdir(), "connectory-make-folder-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a folder and those above it are made for their owner alone, and made twice at once", async () => {
  const deep = join(folder, "a/b/c");
  await Promise.all([makeFolder(deep), makeFolder(deep), makeFolder(join(folder, "a/b/d"))]);
  for (const path of [deep, join(folder, "a")]) expect((await stat(path)).mode & 0o777).toBe(0o700);
});

test("a folder that is there stays as it is, behind a link too", async () => {
  await symlink(folder, `${folder}.link`);
  await makeFolder(`${folder}.link`);
  await makeFolder("/");
  await rm(`${folder}.link`);
});

test("a file, a path through one and a link that leads nowhere are rejected", async () => {
  const file = join(folder, "file");
  await writeFile(file, "");
  await symlink(join(folder, "gone"), join(folder, "dangling"));
  for (const [path, code] of [
    [file, "EEXIST"],
    [join(file, "below"), "ENOTDIR"],
    [join(folder, "dangling"), "EEXIST"],
  ] as const)
    await expect(makeFolder(path)).rejects.toMatchObject({ code });
});

test.runIf(process.platform === "linux")(
  "a folder in which nothing can be made is rejected, and does not hang",
  async () => {
    for (const path of ["/proc/x", "/proc/x/y", "/sys/x"]) await expect(makeFolder(path)).rejects.toThrow();
  },
);
