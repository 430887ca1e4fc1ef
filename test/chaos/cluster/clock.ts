import { existsSync, globSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";

/** The wall clock of one process, which can be moved while it runs. */
export interface Clock {
  /** What the process needs in its environment; empty where clocks cannot be moved. */
  readonly environment: Readonly<Record<string, string>>;
  /** So many seconds ahead of the true time, behind it when negative. Holds a second later at the latest. */
  step(seconds: number): Promise<void>;
}

/** The library of the Debian package `faketime`, which stands between a process and its clock. Undefined where it is not installed. */
export function findFaketime(): string | undefined {
  const places = ["/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1"];
  return places.flatMap((place) => globSync(place)).find((path) => existsSync(path));
}

/** A clock whose offset is in a file. The monotonic clock, by which timers run, is left alone, as when an operator sets a clock. */
export async function createClock(file: string, library: string | undefined): Promise<Clock> {
  const step = async (seconds: number) => {
    await writeFile(file, `${seconds < 0 ? "" : "+"}${seconds}\n`);
    await chmod(file, 0o644);
  };
  await step(0);
  if (library === undefined) return { environment: {}, step };
  return {
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      FAKETIME_DONT_RESET: "1",
    },
    step,
  };
}
