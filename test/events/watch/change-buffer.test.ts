import { describe, expect, test } from "vitest";
import { createChangeBuffer } from "../../../src/events/watch/change-buffer.ts";

const changes = (...revisions: number[]) => revisions.map((revision) => ({ revision: BigInt(revision) }));

describe("recent changes", () => {
  test("are given from after any revision that is still kept, with how far one comes by them", () => {
    const recent = createChangeBuffer(10n);
    expect(recent.after(10n, 5)).toEqual({ changes: [], revision: 10n });
    recent.add({ changes: changes(12, 13), revision: 15n }, 100);
    recent.add({ changes: [], revision: 17n }, 100);
    recent.add({ changes: changes(18), revision: 18n }, 100);
    expect(recent.position).toBe(18n);
    expect(recent.after(10n, 5)).toEqual({ changes: changes(12, 13, 18), revision: 18n });
    expect(recent.after(12n, 5)).toEqual({ changes: changes(13, 18), revision: 18n });
    expect(recent.after(16n, 5)).toEqual({ changes: changes(18), revision: 18n });
    expect(recent.after(18n, 5)).toEqual({ changes: [], revision: 18n });
  });

  test("of more than asked for the first are given, and how far they go", () => {
    const recent = createChangeBuffer(0n);
    recent.add({ changes: changes(1, 3, 5), revision: 9n }, 100);
    expect(recent.after(0n, 2)).toEqual({ changes: changes(1, 3), revision: 3n });
    expect(recent.after(3n, 2)).toEqual({ changes: changes(5), revision: 9n });
    expect(recent.after(0n, 3)).toEqual({ changes: changes(1, 3, 5), revision: 9n });
  });

  test("the oldest are forgotten, and who needs them is told to read them", () => {
    const recent = createChangeBuffer(0n);
    recent.add({ changes: changes(1, 2, 3, 4), revision: 4n }, 2);
    expect(recent.after(0n, 5)).toBeUndefined();
    expect(recent.after(1n, 5)).toBeUndefined();
    expect(recent.after(2n, 5)).toEqual({ changes: changes(3, 4), revision: 4n });
    recent.add({ changes: changes(6), revision: 7n }, 1);
    expect(recent.after(3n, 5)).toBeUndefined();
    expect(recent.after(4n, 5)).toEqual({ changes: changes(6), revision: 7n });
  });

  test("one who is ahead of them stays where he is", () => {
    const recent = createChangeBuffer(5n);
    expect(recent.after(8n, 5)).toEqual({ changes: [], revision: 8n });
    recent.add({ changes: changes(6, 7), revision: 7n }, 100);
    expect(recent.after(8n, 5)).toEqual({ changes: [], revision: 8n });
    recent.add({ changes: changes(8, 9), revision: 9n }, 100);
    expect(recent.after(8n, 5)).toEqual({ changes: changes(9), revision: 9n });
  });
});
