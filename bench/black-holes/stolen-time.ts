import { readFileSync } from "node:fs";

/**
 * Tells, at each call, which share of the processors' time other machines on the same hardware took since the call before
 * (`steal` in proc(5)), from 0 to 1. Linux only.
 */
export function watchStolenTime(): () => number {
  let [stolen, total] = read();
  return () => {
    const [stolenBefore, totalBefore] = [stolen, total];
    [stolen, total] = read();
    return (stolen - stolenBefore) / Math.max(1, total - totalBefore);
  };
}

function read(): [stolen: number, total: number] {
  // user, nice, system, idle, iowait, irq, softirq, steal; what follows is part of user and nice.
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  const ticks = line.split(/ +/).slice(1, 9).map(Number);
  return [ticks[7] ?? 0, ticks.reduce((sum, count) => sum + count, 0)];
}
