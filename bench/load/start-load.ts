import { fork } from "node:child_process";
import { once } from "node:events";
import type { Window } from "./drive.ts";
import type { LoadOrder, LoadReport } from "./load-process.ts";
import type { Measure } from "./measure.ts";
import type { Target } from "./target.ts";

/** The process that makes the load for every server, one slice at a time. */
export interface Load {
  /** Drives one target. Rejects on the first answer that is not OK. */
  drive(target: Target, window: Window): Promise<Measure>;
  stop(): void;
}

/** Starts it. One process for the whole run, so that all servers are driven by the same warmed-up code. */
export function startLoad(): Load {
  const child = fork(new URL("load-process.ts", import.meta.url));
  const ended = once(child, "exit").then(() => {
    throw new Error("the load process ended");
  });
  ended.catch(() => undefined); // whoever waits for a report sees it; nobody else has to
  return {
    async drive(target, window) {
      child.send({ target, window } satisfies LoadOrder);
      const [report] = (await Promise.race([once(child, "message"), ended])) as [LoadReport];
      if ("failure" in report) throw new Error(`${target.method} over ${target.protocol}: ${report.failure}`);
      return report.measure;
    },
    stop: () => child.kill(),
  };
}
