import { expect, test } from "vitest";
import { createOrganizationLimiter } from "../../src/concurrency/organization-limiter.ts";
import { paceExpensiveRuns } from "../../src/concurrency/pace-expensive-runs.ts";
import { createRecentOrganizations } from "../../src/concurrency/recent-organizations.ts";

const day = 86_400_000;

/** A pace at which every run is expensive, and a pause that no test outlives unless it says so. */
function paced({ maxPauseMs = day, cheapMs = -1, contended = true } = {}) {
  const state = { contended };
  const run = paceExpensiveRuns(
    createOrganizationLimiter({ total: 4, perOrganization: 3, maxWaiting: 20 }),
    { cheapMs, pauseFactor: Number.MAX_SAFE_INTEGER, maxPauseMs, rememberMs: day },
    () => state.contended,
  );
  const begun: string[] = [];
  const add = (organizationId: string, name: string, signal?: AbortSignal) =>
    run(organizationId, async () => begun.push(name), signal);
  return { state, run, begun, add };
}

test("an organization whose runs are expensive pauses after each while others call, and gets each result before the pause", async () => {
  const { add, begun } = paced();
  await add("a", "a1"); // not known to be expensive before
  await add("a", "a2");
  const third = add("a", "a3");
  await add("b", "b1");
  await add("b", "b2");
  expect(begun).toEqual(["a1", "a2", "b1", "b2"]);
  third.catch(() => {}); // refused long after this test
});

test("a pause ends", async () => {
  const { add, begun } = paced({ maxPauseMs: 1 });
  for (const name of ["a1", "a2", "a3"]) await add("a", name);
  expect(begun).toEqual(["a1", "a2", "a3"]);
});

test("nothing pauses where one organization calls alone, or where runs are cheap", async () => {
  for (const options of [{ contended: false }, { cheapMs: day }]) {
    const { add, begun } = paced(options);
    for (const name of ["a1", "a2", "a3", "a4"]) await add("a", name);
    expect(begun).toEqual(["a1", "a2", "a3", "a4"]);
  }
});

test("a run that fails is paced like others, and its error is its caller's", async () => {
  const { run, add, begun } = paced();
  const fail = () => Promise.reject(new Error("the read failed"));
  await expect(run("a", fail)).rejects.toThrow("the read failed");
  await expect(run("a", fail)).rejects.toThrow("the read failed");
  add("a", "a1").catch(() => {});
  await add("b", "b1");
  expect(begun).toEqual(["b1"]);
});

test("a caller that leaves during the pause is answered and its run never begins", async () => {
  const { add, begun } = paced();
  await add("a", "a1");
  await add("a", "a2");
  const left = new AbortController();
  const third = add("a", "a3", left.signal);
  left.abort(new Error("left"));
  await expect(third).rejects.toThrow();
  expect(begun).toEqual(["a1", "a2"]);
});

test("several organizations are recent only while they take turns", async () => {
  const recent = createRecentOrganizations(50);
  recent.note("a");
  recent.note("a");
  expect(recent.areSeveral()).toBe(false);
  recent.note("b");
  expect(recent.areSeveral()).toBe(true);
  await expect
    .poll(() => {
      recent.note("b");
      return recent.areSeveral();
    })
    .toBe(false);
});
