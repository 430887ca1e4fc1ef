import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { coalesce } from "../../src/concurrency/coalesce.ts";
import { ApiError } from "../../src/errors/api-error.ts";

/** A run that ends when the test says so. */
function controlled() {
  const batches: {
    items: readonly number[];
    end: (results: (number | Error)[]) => void;
    fail: (error: Error) => void;
  }[] = [];
  const run = (items: readonly number[]) =>
    new Promise<(number | Error)[]>((resolve, reject) => batches.push({ items, end: resolve, fail: reject }));
  return { batches, run };
}

const limits = { maxBatch: 3, maxRunning: 1, maxWaiting: 10 };

describe("coalesce", () => {
  test("what comes in one turn goes together, at most maxBatch; what comes meanwhile waits for the end", async () => {
    const { batches, run } = controlled();
    const call = coalesce(run, limits);
    const first = [call(1), call(2), call(3), call(4)];
    await turn();
    await turn();
    expect(batches.map(({ items }) => items)).toEqual([[1, 2, 3]]);
    const later = call(5);
    await turn();
    expect(batches).toHaveLength(1);
    batches[0]?.end([10, 20, 30]);
    expect(await Promise.all(first.slice(0, 3))).toEqual([10, 20, 30]);
    await turn();
    expect(batches[1]?.items).toEqual([4, 5]);
    batches[1]?.end([40, 50]);
    expect(await Promise.all([first[3], later])).toEqual([40, 50]);
  });

  test("an Error among the results is that call's alone", async () => {
    const call = coalesce(
      async (items: readonly number[]) => items.map((item) => (item === 2 ? new Error("two") : item)),
      limits,
    );
    const [one, two] = await Promise.allSettled([call(1), call(2)]);
    expect(one).toMatchObject({ status: "fulfilled", value: 1 });
    expect(two).toMatchObject({ status: "rejected", reason: new Error("two") });
  });

  test("a run that fails rejects its calls, and the next one goes on", async () => {
    const { batches, run } = controlled();
    const call = coalesce(run, limits);
    const lost = call(1);
    await turn();
    const next = call(2);
    batches[0]?.fail(new Error("gone"));
    await expect(lost).rejects.toThrow("gone");
    await turn();
    batches[1]?.end([2]);
    expect(await next).toBe(2);
  });

  test("a full queue refuses with RESOURCE_EXHAUSTED and when to come back, and has room again afterwards", async () => {
    const { batches, run } = controlled();
    const call = coalesce(run, { maxBatch: 10, maxRunning: 1, maxWaiting: 2 });
    const taken = [call(1), call(2)];
    const refused = await call(3).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApiError);
    expect(refused).toMatchObject({ reason: ErrorReason.QUEUE_FULL, detail: { retryAfterMs: 250 } });
    await turn();
    batches[0]?.end([1, 2]);
    await Promise.all(taken);
    const again = call(4);
    await turn();
    batches[1]?.end([4]);
    expect(await again).toBe(4);
  });

  test("maxRunning runs go on at a time", async () => {
    const { batches, run } = controlled();
    const call = coalesce(run, { maxBatch: 1, maxRunning: 2, maxWaiting: 10 });
    const calls = [call(1), call(2), call(3)];
    await turn();
    await turn();
    expect(batches.map(({ items }) => items)).toEqual([[1], [2]]);
    batches[1]?.end([2]);
    await calls[1];
    expect(batches.map(({ items }) => items)).toEqual([[1], [2], [3]]);
    batches[0]?.end([1]);
    batches[2]?.end([3]);
    expect(await Promise.all(calls)).toEqual([1, 2, 3]);
  });

  test("who has waited too long is refused, and the database is not asked; who comes later is served", async () => {
    const { batches, run } = controlled();
    const call = coalesce(run, { ...limits, maxWaitMs: 50 });
    const first = call(1);
    await turn();
    const late = [call(2), call(3)].map((waiting) => waiting.catch((error: unknown) => error));
    await sleep(100);
    const fresh = call(4);
    batches[0]?.end([10]);
    expect(await first).toBe(10);
    await expect.poll(() => batches.length).toBe(2);
    expect(batches[1]?.items).toEqual([4]);
    batches[1]?.end([40]);
    expect(await fresh).toBe(40);
    for (const error of await Promise.all(late))
      expect(error).toMatchObject({ reason: ErrorReason.QUEUE_FULL, detail: { retryAfterMs: 250 } });
  });

  test("who has waited too long is refused also when no run ever ends, and the wait is told", async () => {
    const { batches, run } = controlled();
    const waits: number[] = [];
    const call = coalesce(run, { ...limits, maxWaitMs: 50 }, (ms) => waits.push(ms));
    void call(1);
    await turn();
    await expect(call(2)).rejects.toMatchObject({ reason: ErrorReason.QUEUE_FULL });
    expect(batches).toHaveLength(1);
    expect(waits.at(-1)).toBeGreaterThan(50); // more than it may be, whatever it is
    batches[0]?.end([10]);
    await turn();
    const next = call(3);
    await expect.poll(() => batches.length, { timeout: 30_000 }).toBe(2);
    expect(batches[1]?.items).toEqual([3]);
    batches[1]?.end([30]);
    expect(await next).toBe(30);
  });

  test("who is gone before its turn is not asked for, and the others keep their order", async () => {
    const { batches, run } = controlled();
    const call = coalesce(run, limits);
    const first = call(1);
    await turn();
    const aborter = new AbortController();
    const gone = call(2, aborter.signal);
    gone.catch(() => undefined); // looked at below
    const rest = [call(3), call(4)];
    aborter.abort(new Error("the caller went away"));
    batches[0]?.end([10]);
    await expect.poll(() => batches.length).toBe(2);
    expect(batches[1]?.items).toEqual([3, 4]);
    batches[1]?.end([30, 40]);
    expect(await Promise.all([first, ...rest])).toEqual([10, 30, 40]);
    await expect(gone).rejects.toThrow("the caller went away");
  });
});
