import { randomInt } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";

/** `nobody` of every common Linux distribution. */
export const nobody = 65_534;

/** A user and group that child_process can run a program as. */
export interface OsUser {
  readonly uid: number;
  readonly gid: number;
}

interface Range {
  readonly first: number;
  readonly last: number;
}

/**
 * Ids that no distribution assigns (systemd.io/UIDS-GIDS). The second range is for a container with at most 65536 ids; where
 * neither is mapped `nobody` is used.
 */
const unused: readonly Range[] = [
  { first: 1_879_048_192, last: 2_147_483_646 },
  { first: 65_520, last: 65_533 },
];

/**
 * Returns an account that runs nothing else. A user with the uid of a process may enter its working directory
 * (`/proc/<pid>/cwd`), whatever folders are above it, so a uid in use elsewhere would protect nothing.
 */
export async function unusedOsUser(): Promise<OsUser> {
  const maps = await Promise.all(["uid_map", "gid_map"].map((name) => readFile(`/proc/self/${name}`, "utf8")));
  const { first, last } = unusedRange(maps);
  const id = randomInt(first, last + 1);
  return { uid: id, gid: id };
}

/** Returns the first range of unused ids that is in all maps of a user namespace (user_namespaces(7)); `nobody` if none is. */
export function unusedRange(maps: readonly string[]): Range {
  const all = maps.map(readMap);
  return unused.find((range) => all.every((map) => holds(map, range))) ?? { first: nobody, last: nobody };
}

/**
 * Returns an account with a name, which initdb requires, and without processes, so that none can interfere while the cluster is
 * created. `nobody` when that is idle, and also when no account is.
 */
export async function idleNamedOsUser(): Promise<OsUser> {
  const busy = await busyUsers();
  const named = (await readFile("/etc/passwd", "utf8"))
    .split("\n")
    .map((line) => line.split(":"))
    .map(([, , uid, gid]) => ({ uid: Number(uid), gid: Number(gid) }))
    .filter(({ uid, gid }) => uid > 0 && gid > 0);
  const idle = named.filter(({ uid }) => !busy.has(uid));
  const fallback = { uid: nobody, gid: nobody };
  return idle.find(({ uid }) => uid === nobody) ?? idle[0] ?? fallback;
}

/** Returns true when the uid has a name. */
export async function hasName(uid: number): Promise<boolean> {
  const passwd = await readFile("/etc/passwd", "utf8").catch(() => "");
  return passwd.split("\n").some((line) => line.split(":")[2] === String(uid));
}

async function busyUsers(): Promise<ReadonlySet<number>> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const users = pids.map(async (pid) => {
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => ""); // the process has ended meanwhile
    return (/^Uid:\s+([\d\s]+)$/m.exec(status)?.[1] ?? "").split(/\s+/).map(Number);
  });
  return new Set((await Promise.all(users)).flat());
}

function readMap(text: string): Range[] {
  const lines = text.trim().split("\n");
  return lines.map((line) => {
    const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return { first, last: first + count - 1 };
  });
}

function holds(map: readonly Range[], { first, last }: Range): boolean {
  return map.some((range) => range.first <= first && last <= range.last);
}
