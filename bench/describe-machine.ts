import { statfs } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, release, type } from "node:os";
import { type Database, query } from "./database.ts";

const tmpfs = 0x01021994;

/** What the figures depend on, in lines. Throws when the database does not make its commits durable. */
export async function describeMachine(database: Database, dataDir: string): Promise<string[]> {
  const show = async (name: string) => String((await query(database, `show ${name}`))[0]?.[name]);
  for (const name of ["fsync", "synchronous_commit", "full_page_writes"]) {
    const value = await show(name);
    if (value !== "on")
      throw new Error(`${name} is ${value}: figures of a database that may lose commits mean nothing`);
  }
  const inMemory = (await statfs(dataDir)).type === tmpfs;
  return [
    `Node ${process.version}, ${type()} ${release()}, ${availableParallelism()} cores of ${cpus()[0]?.model ?? "unknown"}`,
    `PostgreSQL ${await show("server_version")}: fsync, synchronous_commit and full_page_writes are on`,
    `Load average before the run ${(loadavg()[0] ?? 0).toFixed(1)}: what else runs takes its share of every figure`,
    ...(inMemory ? [`${dataDir} is a tmpfs, where fsync costs nothing: set TMPDIR to a folder on a disk`] : []),
  ];
}
