import { expect, test } from "vitest";
import { orderedPair } from "../../src/client/index.ts";

test("two users come out in the order of their bytes, whichever comes first", () => {
  expect(orderedPair("alice", "bob")).toEqual({ userId1: "alice", userId2: "bob" });
  expect(orderedPair("bob", "alice")).toEqual({ userId1: "alice", userId2: "bob" });
  expect(orderedPair("a", "B")).toEqual({ userId1: "B", userId2: "a" });
  expect(orderedPair("ann", "anna")).toEqual({ userId1: "ann", userId2: "anna" });
  expect(orderedPair("anna", "ann")).toEqual({ userId1: "ann", userId2: "anna" });
});

test("the order is that of UTF-8, also where UTF-16 has another", () => {
  const [high, astral] = ["\u{ff5e}", "\u{1f600}"];
  expect(high > astral).toBe(true);
  expect(orderedPair(high, astral)).toEqual({ userId1: high, userId2: astral });
  const letters = ["a", "z", "é", "\u{7ff}", "\u{800}", high, astral, "\u{10ffff}"];
  const names = letters.flatMap((one) => letters.map((other) => one + other));
  for (const a of names)
    for (const b of names.filter((name) => name !== a)) {
      const [userId1, userId2] = Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0 ? [a, b] : [b, a];
      expect(orderedPair(a, b)).toEqual({ userId1, userId2 });
    }
});

test("nobody connects with themselves", () => {
  expect(() => orderedPair("alice", "alice")).toThrow(RangeError);
});
