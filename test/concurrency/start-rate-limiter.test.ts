import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { createStartRateLimiter } from "../../src/concurrency/start-rate-limiter.ts";

const patient = () => ({ signal: new AbortController().signal });
afterEach(() => void vi.useRealTimers());

const forever = new Promise<never>(() => undefined);

/** Takes what is tried, notes that it began, and never comes back. */
function hangingWork() {
  const begun: number[] = [];
  const hang = (name: number) => () => {
    begun.push(name);
    return forever;
  };
  return { begun, hang };
}

test("Few begin at once; with as many running, the others begin one after the other, in the order in which they came", async () => {
  vi.useFakeTimers();
  const waitForStart = createStartRateLimiter({ freely: 3, everyMs: 50 });
  const { begun, hang } = hangingWork();
  for (let name = 0; name < 6; name++) void waitForStart(patient(), hang(name));
  const all = [0, 1, 2, 3, 4, 5];
  for (const waited of [0, 1, 2, 3]) {
    expect(begun).toEqual(all.slice(0, 3 + waited));
    await vi.advanceTimersByTimeAsync(49);
    expect(begun).toEqual(all.slice(0, 3 + waited));
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(begun).toEqual(all);
});

test("The end of a test lets the next one begin at once", async () => {
  const waitForStart = createStartRateLimiter({ freely: 2, everyMs: 60_000 });
  const ends = Array.from({ length: 100 }, () => waitForStart(patient(), () => sleep(1)));
  await Promise.all(ends);
});

test("A test that fails gives its place back, and its error", async () => {
  const waitForStart = createStartRateLimiter({ freely: 1, everyMs: 60_000 });
  const failing = waitForStart(patient(), async () => {
    throw new Error("no");
  });
  const after = waitForStart(patient(), async () => "yes");
  await expect(failing).rejects.toThrow("no");
  await expect(after).resolves.toBe("yes");
});

test("Who leaves the line is told why, keeps nobody waiting and never begins", async () => {
  const waitForStart = createStartRateLimiter({ freely: 1, everyMs: 50 });
  const { begun, hang } = hangingWork();
  void waitForStart(patient(), hang(0));
  const caller = new AbortController();
  const leaving = Array.from({ length: 100 }, (_, index) => waitForStart({ signal: caller.signal }, hang(100 + index)));
  void waitForStart(patient(), hang(1));
  caller.abort(new Error("gone"));
  for (const left of leaving) await expect(left).rejects.toThrow("gone");
  await expect.poll(() => begun.length).toBe(2);
  expect(begun).toEqual([0, 1]);
  await expect(waitForStart({ signal: caller.signal }, hang(2))).rejects.toThrow("gone");
});

test("Who cannot wait that long is told when to come back, and takes no place", async () => {
  const waitForStart = createStartRateLimiter({ freely: 1, everyMs: 1000 });
  const { hang } = hangingWork();
  void waitForStart(patient(), hang(0));
  void waitForStart(patient(), hang(1));
  const refused = waitForStart({ ...patient(), withinMs: 1999 }, hang(2));
  await expect(refused).rejects.toMatchObject({
    reason: ErrorReason.TOO_MANY_TESTS,
    detail: { retryAfterMs: 2000 },
  });
});
