import type { Caller } from "./caller.ts";
import { type Measure, measure } from "./measure.ts";

/** How long a slice of load runs, and from when on it counts. */
export interface Window {
  readonly warmUpMs: number;
  readonly measuredMs: number;
  /** How long after the end of the slice the last answers may take, in milliseconds; 60 000 by default, longer than any call of the service. */
  readonly overdueMs?: number;
}

/**
 * Closed loop: each of `callers` asks again as soon as it is answered. Rejects on the first call that is not OK, and when a call has no
 * answer `overdueMs` after the end of the slice; what is still under way then ends when the caller is closed.
 */
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
  const overdue = Promise.withResolvers<never>();
  const { overdueMs = 60_000 } = window;
  const timer = setTimeout(
    () => {
      failed = true;
      overdue.reject(new Error(`a call had no answer ${overdueMs} ms after the end of the slice`));
    },
    until - performance.now() + overdueMs,
  );
  const loops = Array.from({ length: callers }, (_, number) =>
    loop(number).catch((error) => {
      failed = true;
      throw error;
    }),
  );
  await Promise.race([Promise.all(loops), overdue.promise]).finally(() => clearTimeout(timer));
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ...measure(latenciesMs, window.measuredMs, acknowledged), loadCpuUs: (user + system) / acknowledged };
}
