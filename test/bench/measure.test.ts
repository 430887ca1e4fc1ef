import { expect, test } from "vitest";
import { measure } from "../../bench/load/measure.ts";

test("percentiles are those samples that at least their share of all lies below, whatever the order", () => {
  const samples = Array.from({ length: 200 }, (_, index) => (index * 77) % 200); // 0 to 199, each once
  expect(measure(samples, 4000, 250)).toEqual({ perSecond: 50, p50Ms: 100, p99Ms: 198, acknowledged: 250 });
  expect(measure([9, 10, 100], 1000, 3)).toMatchObject({ p50Ms: 10, p99Ms: 100 });
  expect(measure([7], 1000, 1)).toMatchObject({ p50Ms: 7, p99Ms: 7 });
});

test("a window without an answer has no percentiles and no rate", () => {
  expect(measure([], 1000, 4)).toEqual({ perSecond: 0, p50Ms: Number.NaN, p99Ms: Number.NaN, acknowledged: 4 });
});
