import { expect, test } from "vitest";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { createInTurn } from "../../src/connection-profile/in-turn.ts";

test("what has waited past its use is refused undone, and who comes after it is served", async () => {
  let at = 0;
  const inTurn = createInTurn({ maxWaitMs: 100, now: () => at });
  const slow = Promise.withResolvers<string>();
  const done: string[] = [];
  const first = inTurn("a", () => slow.promise);
  const late = inTurn("a", async () => done.push("late"));
  const other = await inTurn("b", async () => "other");
  at = 101;
  const fresh = inTurn("a", async () => "fresh");
  slow.resolve("slow");
  await expect(late).rejects.toMatchObject({ reason: ErrorReason.QUEUE_FULL });
  expect([await first, other, await fresh, done]).toEqual(["slow", "other", "fresh", []]);
});
