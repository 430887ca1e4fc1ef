import { readdir, readFile, readlink } from "node:fs/promises";

/** How many sockets a process holds towards these ports, in whatever state; from Linux's /proc. */
export async function socketsOf(pid: number, remotePorts: readonly number[]): Promise<number> {
  const table = await readFile("/proc/net/tcp", "utf8");
  const towards = table
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote = ""]) => remotePorts.includes(Number.parseInt(remote.split(":")[1] ?? "", 16)))
    .map((columns) => `socket:[${columns[9]}]`);
  const files = await readdir(`/proc/${pid}/fd`);
  const held = await Promise.all(files.map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => "")));
  return held.filter((link) => towards.includes(link)).length;
}
