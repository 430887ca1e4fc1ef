import { expect, test } from "vitest";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { createKeyedMutex } from "../../src/concurrency/keyed-mutex.ts";

test("what has waited past its use is refused undone, and who comes after it is served", async () => {
  let at = 0;
  const withLock = createKeyedMutex({ maxWaitMs: 100, now: () => at });
  const slow = Promise.withResolvers<string>();
  const done: string[] = [];
  const first = withLock("a", () => slow.promise);
  const late = withLock("a", async () => done.push("late"));
  const other = await withLock("b", async () => "other");
  at = 101;
  const fresh = withLock("a", async () => "fresh");
  slow.resolve("slow");
  await expect(late).rejects.toMatchObject({ reason: ErrorReason.QUEUE_FULL });
  expect([await first, other, await fresh, done]).toEqual(["slow", "other", "fresh", []]);
});
