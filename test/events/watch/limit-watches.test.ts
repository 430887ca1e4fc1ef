import { expect, test } from "vitest";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../../src/errors/api-error.ts";
import { limitWatches, type WatchLimits } from "../../../src/events/watch/limit-watches.ts";

/** Organizations that take places and want to keep them. */
function start(limits: WatchLimits) {
  const acquire = limitWatches(limits);
  const held = new Map<string, Set<() => void>>();
  const whys: ApiError[] = [];
  const take = (organizationId: string): boolean => {
    const own = held.get(organizationId) ?? new Set();
    held.set(organizationId, own);
    try {
      const giveBack = acquire(organizationId, (why) => {
        whys.push(why);
        own.delete(giveBack);
        giveBack(); // whoever is evicted leaves, as others do
      });
      own.add(giveBack);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError) || error.reason !== ErrorReason.TOO_MANY_WATCHES) throw error;
      return false;
    }
  };
  const takeAll = (organizationId: string, wanted: number) => {
    for (let index = 0; index < wanted; index += 1) take(organizationId);
  };
  const counts = () => Object.fromEntries([...held].map(([organizationId, own]) => [organizationId, own.size]));
  return { take, takeAll, counts, whys, held };
}

test("a full server gives an organization that comes late its share, taken from those that have most", () => {
  const { takeAll, counts, whys } = start({ total: 2000, perOrganization: 500 });
  for (const greedy of ["a", "b", "c", "d"]) takeAll(greedy, 600);
  expect(counts()).toEqual({ a: 500, b: 500, c: 500, d: 500 });
  takeAll("late", 1);
  expect(counts().late).toBe(1);
  expect(whys.map(({ reason }) => reason)).toEqual([ErrorReason.TOO_MANY_WATCHES]);
  takeAll("late", 600);
  expect(counts()).toEqual({ a: 400, b: 400, c: 400, d: 400, late: 400 });
});

test("with equal shares nobody takes a place from another, however often it asks", () => {
  const { takeAll, counts, whys } = start({ total: 10, perOrganization: 10 });
  takeAll("a", 10);
  takeAll("b", 10);
  expect(counts()).toEqual({ a: 5, b: 5 });
  const before = whys.length;
  for (const one of ["a", "b", "a", "b"]) takeAll(one, 10);
  expect(whys.length).toBe(before);
  expect(counts()).toEqual({ a: 5, b: 5 });
});

test("a place that was taken away and is given back makes room once", () => {
  const { take, takeAll, counts, held } = start({ total: 2, perOrganization: 2 });
  takeAll("a", 2);
  expect(take("b")).toBe(true);
  const [giveBack] = held.get("a") ?? [];
  giveBack?.();
  giveBack?.();
  held.get("a")?.clear();
  expect([take("c"), take("d")]).toEqual([true, false]);
  expect(counts()).toEqual({ a: 0, b: 1, c: 1, d: 0 });
});
