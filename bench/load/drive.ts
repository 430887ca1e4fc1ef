import type { Caller } from "./caller.ts";
import { type Measure, measure } from "./measure.ts";

/** How long a slice of load runs, and from when on it counts. */
export interface Window {
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

/** Closed loop: each of `callers` asks again as soon as it is answered. The first call that is not OK ends the slice. */
export async function drive(caller: Caller, callers: number, window: Window): Promise<Measure> {
  const from = performance.now() + window.warmUpMs;
  const until = from + window.measuredMs;
  const latenciesMs: number[] = [];
  const cpuBefore = process.cpuUsage();
  let acknowledged = 0;
  let failed = false;

  const loop = async (number: number) => {
    let asked = performance.now();
    while (asked < until && !failed) {
      await caller.call(number);
      const answered = performance.now();
      acknowledged++;
      if (answered >= from && answered < until) latenciesMs.push(answered - asked);
      asked = answered;
    }
  };
  const loops = Array.from({ length: callers }, (_, number) =>
    loop(number).catch((error) => {
      failed = true;
      throw error;
    }),
  );
  await Promise.all(loops);
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ...measure(latenciesMs, window.measuredMs, acknowledged), loadCpuUs: (user + system) / acknowledged };
}
