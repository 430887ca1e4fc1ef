import { describe, expect, test } from "vitest";
import { backoffMs, sleep } from "../../src/client/backoff.ts";

const options = { baseMs: 100, capMs: 1000 };
const draw = (retry: number, asked?: number) => Array.from({ length: 2000 }, () => backoffMs(retry, asked, options));

describe("the pause before a retry", () => {
  test.each([
    [1, 100],
    [2, 200],
    [4, 800],
    [5, 1000],
    [50, 1000],
    [5000, 1000],
  ])("number %i is anything up to %i ms, all equally likely", (retry, limit) => {
    const drawn = draw(retry);
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...drawn)).toBeLessThanOrEqual(limit);
    const mean = drawn.reduce((sum, ms) => sum + ms, 0) / drawn.length;
    expect(mean / limit).toBeGreaterThan(0.44);
    expect(mean / limit).toBeLessThan(0.56);
  });

  test("is never shorter than the server asks for, and spread beyond that", () => {
    const drawn = draw(2, 5000);
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(5000);
    expect(Math.max(...drawn)).toBeLessThanOrEqual(5200);
    expect(new Set(drawn).size).toBeGreaterThan(100);
  });
});

describe("waiting", () => {
  test("ends with the signal, before it and during it", async () => {
    await expect(sleep(600_000, AbortSignal.abort())).rejects.toThrow("canceled");
    await expect(sleep(600_000, AbortSignal.timeout(50))).rejects.toThrow("canceled");
    await sleep(1, undefined);
  });
});
