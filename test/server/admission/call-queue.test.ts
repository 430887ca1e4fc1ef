import { describe, expect, test } from "vitest";
import { createCallQueue } from "../../../src/server/admission/call-queue.ts";

/** A queue whose clock and whose turns of the event loop are the test's. */
function controlled() {
  let at = 0;
  const turns: (() => void)[] = [];
  const begun: string[] = [];
  const refused: string[] = [];
  const gone = new Set<string>();
  const queue = createCallQueue<string>({
    begin: (call) => begun.push(call),
    refuse: (call) => refused.push(call),
    isGone: (call) => gone.has(call),
    now: () => at,
    later: (run) => turns.push(run),
  });
  const turn = () => turns.shift()?.();
  return {
    queue,
    begun,
    refused,
    gone,
    pass: (ms: number) => {
      at += ms;
    },
    turn,
    turns,
    add: (caller: string, count: number, from = 0) => {
      for (let index = from; index < from + count; index += 1) queue.add(caller, `${caller}${index}`);
    },
  };
}

/** One call, and the time of the turn is used up. */
function fill(all: ReturnType<typeof controlled>): void {
  all.add("first", 1);
  all.pass(21);
}

describe("calls that have arrived", () => {
  test("are begun as they come while the turn has time, and wait when it has not", () => {
    const all = controlled();
    all.add("a", 100);
    expect(all.begun).toHaveLength(100);
    all.pass(21);
    all.add("a", 1, 100);
    expect([all.begun.length, all.queue.size]).toEqual([100, 1]);
    all.turn();
    expect([all.begun.at(-1), all.queue.size]).toEqual(["a100", 0]);
    all.add("a", 1, 101);
    expect(all.begun.at(-1)).toBe("a101");
  });

  test("are begun a few a turn, so that the event loop comes round in between, and all of them in the end", () => {
    const all = controlled();
    fill(all);
    all.add("a", 20);
    all.turn();
    expect(all.begun).toHaveLength(1 + 8);
    all.turn();
    all.turn();
    expect(all.begun.slice(1)).toEqual(Array.from({ length: 20 }, (_, index) => `a${index}`));
    expect([all.queue.size, all.turns.length]).toEqual([0, 0]);
  });

  test("of one caller do not wait behind those of another, however many those are", () => {
    const all = controlled();
    fill(all);
    all.add("flood", 5000);
    all.add("small", 2);
    all.turn();
    expect(all.begun.slice(1, 5)).toEqual(["flood0", "small0", "flood1", "small1"]);
  });

  test("whose caller has gone are not begun, nor answered", () => {
    const all = controlled();
    fill(all);
    all.add("a", 3);
    all.gone.add("a1");
    all.turn();
    expect([all.begun.slice(1), all.refused]).toEqual([["a0", "a2"], []]);
  });

  test("are refused unbegun after two seconds, and others are begun in the same turn", () => {
    const all = controlled();
    fill(all);
    all.add("a", 3);
    all.pass(2001);
    all.add("a", 1, 3);
    all.turn();
    expect([all.refused, all.begun.slice(1)]).toEqual([["a0", "a1", "a2"], ["a3"]]);
  });

  test("are refused sooner when the queue has not been empty for long, until few wait", () => {
    const all = controlled();
    fill(all);
    all.add("a", 2000);
    for (let turn = 0; turn < 90; turn += 1) {
      all.pass(20);
      all.turn();
    }
    expect([all.refused, all.begun.length]).toEqual([[], 1 + 90 * 8]); // a burst
    all.pass(190);
    while (all.turns.length > 0) all.turn();
    expect(all.refused.length).toBe(2000 - 90 * 8 - 257); // with 256 more behind it the next is not too many
    expect(all.begun.length + all.refused.length).toBe(2001);
    expect(new Set([...all.begun, ...all.refused]).size).toBe(2001);
  });
});
