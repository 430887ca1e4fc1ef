import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startWatchdog } from "../../src/test-workers/watchdog.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A watch with one second of processor time, on a thread that uses this share of a processor between two looks at it. */
function watching(share: number) {
  let used = 0;
  const seen = { asked: 0, late: 0 };
  const thread = {
    ping: () => {
      seen.asked += 1;
    },
    usedMs: async () => {
      used += 100 * share;
      return used;
    },
  };
  const watch = startWatchdog(thread, 1000, () => {
    seen.late += 1;
  });
  watch.begin();
  return { watch, seen };
}

describe("a thread that does not answer", () => {
  test("is late when it has computed for as long as it may", async () => {
    const { watch, seen } = watching(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(seen).toEqual({ asked: 1, late: 0 });
    await vi.advanceTimersByTimeAsync(1000);
    expect(seen.late).toBeGreaterThan(0);
    watch.end();
  });

  test("is not late because others have the processors", async () => {
    const { watch, seen } = watching(0.02);
    await vi.advanceTimersByTimeAsync(8000);
    expect(seen).toEqual({ asked: 1, late: 0 });
    watch.onPong();
    await vi.advanceTimersByTimeAsync(8000);
    expect(seen).toEqual({ asked: 2, late: 0 });
    watch.end();
  });

  test("is late at last when it computes nothing", async () => {
    const { watch, seen } = watching(0);
    await vi.advanceTimersByTimeAsync(12_000);
    expect(seen.late).toBeGreaterThan(0);
    watch.end();
  });
});

test("a thread that answers is never late, whatever it computes, and is asked no more after the end", async () => {
  const { watch, seen } = watching(1);
  for (let turn = 0; turn < 30; turn += 1) {
    await vi.advanceTimersByTimeAsync(100);
    watch.onPong();
  }
  expect(seen).toEqual({ asked: 30, late: 0 });
  watch.end();
  await vi.advanceTimersByTimeAsync(5000);
  expect(seen.asked).toBe(30);
});
