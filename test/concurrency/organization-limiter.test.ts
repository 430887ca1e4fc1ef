import { describe, expect, test } from "vitest";
import { createOrganizationLimiter } from "../../src/concurrency/organization-limiter.ts";

/** Jobs that run until they are ended. */
function controlled(limits = { total: 4, perOrganization: 2, maxWaiting: 20 }) {
  const run = createOrganizationLimiter(limits);
  const running: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const add = (organizationId: string, name: string, signal?: AbortSignal) =>
    run(
      organizationId,
      () =>
        new Promise<string>((resolve, reject) => {
          running.push(name);
          ends.set(name, (error) => {
            running.splice(running.indexOf(name), 1);
            if (error === undefined) resolve(name);
            else reject(error);
          });
        }),
      signal,
    );
  return { running, add, end: (name: string, error?: Error) => ends.get(name)?.(error) };
}

describe("places", () => {
  test("of one organization are fewer than all, so that another's work begins at once", async () => {
    const { running, add, end } = controlled();
    const all = ["a1", "a2", "a3", "a4", "a5"].map((name) => add("a", name));
    await expect.poll(() => running).toEqual(["a1", "a2"]);
    const other = add("b", "b1");
    await expect.poll(() => running).toEqual(["a1", "a2", "b1"]);
    end("b1");
    expect(await other).toBe("b1");
    for (const name of ["a1", "a2", "a3", "a4", "a5"]) {
      await expect.poll(() => running).toContain(name);
      end(name);
    }
    expect(await Promise.all(all)).toEqual(["a1", "a2", "a3", "a4", "a5"]);
  });

  test("of all are limited too, and organizations take turns", async () => {
    const { running, add, end } = controlled({ total: 2, perOrganization: 1, maxWaiting: 20 });
    const jobs = ["a1", "a2", "b1", "b2", "c1"].map((name) => add(name.charAt(0), name));
    await expect.poll(() => running).toEqual(["a1", "b1"]);
    end("a1");
    await expect.poll(() => running).toEqual(["b1", "c1"]);
    end("b1");
    await expect.poll(() => running).toEqual(["c1", "a2"]);
    end("c1");
    await expect.poll(() => running).toEqual(["a2", "b2"]);
    end("a2");
    end("b2");
    await Promise.all(jobs);
  });

  test("come free when a job fails, and its error is its caller's", async () => {
    const { running, add, end } = controlled({ total: 1, perOrganization: 1, maxWaiting: 20 });
    const first = add("a", "a1").catch((error: Error) => error.message);
    const second = add("a", "a2");
    await expect.poll(() => running).toEqual(["a1"]);
    end("a1", new Error("broken"));
    expect(await first).toBe("broken");
    await expect.poll(() => running).toEqual(["a2"]);
    end("a2");
    expect(await second).toBe("a2");
  });

  test("are not taken by what was aborted while it waited", async () => {
    const { running, add, end } = controlled({ total: 1, perOrganization: 1, maxWaiting: 20 });
    const first = add("a", "a1");
    const leaving = new AbortController();
    const gone = add("a", "a2", leaving.signal).catch((error: Error) => error.message);
    const third = add("b", "b1");
    await expect.poll(() => running).toEqual(["a1"]);
    leaving.abort(new Error("the caller left"));
    end("a1");
    expect([await first, await gone]).toEqual(["a1", "the caller left"]);
    await expect.poll(() => running).toEqual(["b1"]);
    end("b1");
    await third;
  });

  test("are waited for by so many of an organization, and one more is refused", async () => {
    const { add, end, running } = controlled({ total: 1, perOrganization: 1, maxWaiting: 2 });
    const jobs = [add("a", "a1"), add("a", "a2")];
    await expect(add("a", "a3")).rejects.toMatchObject({ name: "ApiError", detail: { retryAfterMs: 250 } });
    for (const name of ["a1", "a2"]) {
      await expect.poll(() => running).toEqual([name]);
      end(name);
    }
    await Promise.all(jobs);
  });
});
