import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { SteadyLoadOptions, SteadyLoadReport } from "./steady-load-process.ts";

/** Calls at a steady rate from a process of its own, so that what a test does itself is not measured. */
export interface SteadyLoad {
  /** How the calls since the last time went. */
  take(): Promise<SteadyLoadReport>;
  stop(): Promise<void>;
}

export async function startSteadyLoad(options: SteadyLoadOptions): Promise<SteadyLoad> {
  const child = fork(join(import.meta.dirname, "steady-load-process.ts"), [JSON.stringify(options)]);
  return {
    take: async () => {
      const answer = once(child, "message");
      child.send("report");
      const [report] = await answer;
      return report as SteadyLoadReport;
    },
    stop: async () => {
      const exit = once(child, "exit");
      child.disconnect();
      await exit;
    },
  };
}

/** The share of the values that lies below the answer, such as 0.99. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
