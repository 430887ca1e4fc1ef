import { expect, test } from "vitest";
import { createConcurrencyLimiter, type Limit } from "../../src/concurrency/concurrency-limiter.ts";

const limit = (key: string, max: number, shared = false): Limit => ({
  key,
  max,
  shared,
  refuse: (reached) => new Error(`${key} has ${reached}`),
});

test("what is released can be acquired again, once", () => {
  const limiter = createConcurrencyLimiter();
  const acquire = (owner: string) => limiter.acquire({ owner, limits: [limit("all", 2)] });
  const release = acquire("a");
  acquire("b");
  expect(() => acquire("c")).toThrow("all has 2");
  release();
  release();
  acquire("c");
  expect(() => acquire("d")).toThrow("all has 2");
});

test("all limits are counted, or none", () => {
  const limiter = createConcurrencyLimiter();
  limiter.acquire({ owner: "a", limits: [limit("second", 1)] });
  expect(() => limiter.acquire({ owner: "b", limits: [limit("first", 1), limit("second", 1)] })).toThrow(
    "second has 1",
  );
  limiter.acquire({ owner: "b", limits: [limit("first", 1)] });
});

test("nobody is evicted for what another limit refuses", () => {
  const limiter = createConcurrencyLimiter();
  let evicted = 0;
  const evict = () => {
    evicted += 1;
  };
  for (const _ of [1, 2]) limiter.acquire({ owner: "a", limits: [limit("shared", 2, true)], evict });
  limiter.acquire({ owner: "c", limits: [limit("full", 1)] });
  const both = [limit("shared", 2, true), limit("full", 1)];
  expect(() => limiter.acquire({ owner: "b", limits: both })).toThrow("full has 1");
  expect(evicted).toBe(0);
  limiter.acquire({ owner: "b", limits: both.slice(0, 1) });
  expect(evicted).toBe(1);
});

test("an owner with fewer holders displaces the newest of the owner with most, and releases all that it held", () => {
  const limiter = createConcurrencyLimiter();
  const evicted: number[] = [];
  const hold = (owner: string, name: number) =>
    limiter.acquire({
      owner,
      limits: [limit(`of ${owner}`, 3), limit("all", 4, true)],
      evict: () => void evicted.push(name),
    });
  for (const name of [1, 2, 3]) hold("a", name);
  hold("b", 4);
  expect(() => hold("a", 5)).toThrow("of a has 3");
  hold("c", 6);
  expect(evicted).toEqual([3]);
  // Nobody has two more than c, and a has room again below its own limit alone.
  expect(() => hold("c", 7)).toThrow("all has 4");
  expect(() => hold("a", 8)).toThrow("all has 4");
  expect(evicted).toEqual([3]);
  hold("d", 9);
  expect(evicted).toEqual([3, 2]);
});
