import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";

/** How many sockets and timers this process has. */
export function openResources(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap" || name === "Timeout").length;
}

/** Holds that there are soon no more of them than `before`. */
export async function expectNothingLeft(before: number): Promise<void> {
  // By hand: a poll of vitest would count its own timer.
  for (let waited = 0; waited < 30_000 && openResources() > before; waited += 50) await sleep(50);
  expect(openResources()).toBeLessThanOrEqual(before);
}
