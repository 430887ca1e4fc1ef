import { afterEach, describe, expect, test, vi } from "vitest";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import type { Failure } from "../../src/failure.ts";
import {
  type BoundedCall,
  type CallBounds,
  type CallLimits,
  createCallBounds,
} from "../../src/transport/call-bounds.ts";

const kB = 1024;
const roomy: CallLimits = {
  what: "calls",
  calls: 100,
  callsPerCaller: 100,
  bytes: 1000 * kB,
  bytesPerCaller: 1000 * kB,
  inflating: 100,
  inflatingPerCaller: 100,
  timeoutMs: 60_000,
};

let bounds: CallBounds;
let refused: Failure[] = [];
let reading: string[] = [];
function start(limits: Partial<CallLimits>): void {
  bounds = createCallBounds({ ...roomy, ...limits });
  refused = [];
  reading = [];
}
const open = (caller: string, { compressed = false, name = caller } = {}): BoundedCall =>
  bounds.open({ caller, compressed, read: () => reading.push(name), refuse: (failure) => refused.push(failure) });
afterEach(() => {
  bounds.stop();
  vi.useRealTimers();
});

describe("bounds of calls", () => {
  test("a caller has a share of them, and all have a limit", () => {
    start({ calls: 3, callsPerCaller: 2 });
    const first = open("a");
    open("a");
    expect(() => open("a")).toThrow(/too many calls/);
    open("b");
    expect(() => open("c")).toThrow(/too many calls/);
    first.close();
    first.close(); // counts once
    open("a");
    expect(() => open("c")).toThrow();
  });

  test("whoever holds more bytes than the share is refused, and gives them back", () => {
    start({ bytesPerCaller: 100 * kB });
    const [one, two, three] = [open("a"), open("a"), open("a")];
    one.hold(60 * kB); // of which nothing counts
    two.hold(164 * kB);
    expect(refused).toHaveLength(0);
    three.hold(65 * kB);
    expect(refused.map(({ reason }) => reason)).toEqual([ErrorReason.QUEUE_FULL]);
    two.close();
    open("a").hold(164 * kB);
    expect(refused).toHaveLength(1);
  });

  test("all together hold no more than the limit", () => {
    start({ bytes: 100 * kB });
    open("a").hold(164 * kB);
    open("b").hold(65 * kB);
    expect(refused).toHaveLength(1);
  });

  test("a few are decompressed at a time, of each caller and of all; the others wait in order", () => {
    start({ inflating: 3, inflatingPerCaller: 2 });
    const calls = ["a1", "a2", "a3", "b1", "b2"].map((name) => open(name.charAt(0), { compressed: true, name }));
    open("a", { name: "plain" });
    expect(reading).toEqual(["a1", "a2", "b1", "plain"]);
    calls[0]?.inflated();
    expect(reading.at(-1)).toBe("a3");
    calls[1]?.close();
    expect(reading.at(-1)).toBe("b2");
    expect(reading).toHaveLength(6);
  });

  test("one that is being decompressed has its place until that has ended, also when its caller has left", () => {
    start({ inflating: 2, inflatingPerCaller: 1 });
    const first = open("a", { compressed: true, name: "a1" });
    first.inflate();
    first.close();
    const second = open("a", { compressed: true, name: "a2" });
    expect(reading).toEqual(["a1"]);
    first.inflated();
    first.inflated(); // counts once
    expect(reading).toEqual(["a1", "a2"]);
    open("a", { compressed: true, name: "a3" });
    second.close(); // never began
    expect(reading).toEqual(["a1", "a2", "a3"]);
  });

  test("one that waits and leaves is not begun", () => {
    start({ inflating: 1 });
    const [first, second] = [open("a", { compressed: true }), open("a", { compressed: true })];
    second?.close();
    first?.close();
    expect(reading).toHaveLength(1);
    open("a", { compressed: true });
    expect(reading).toHaveLength(2);
  });

  test("one that takes too long is refused; a message begins its time anew", () => {
    vi.useFakeTimers();
    start({ timeoutMs: 5000 });
    open("a");
    const renewed = open("b");
    vi.advanceTimersByTime(4000);
    renewed.renew();
    vi.advanceTimersByTime(4000);
    expect(refused.map(({ reason }) => reason)).toEqual([ErrorReason.DEADLINE_EXCEEDED]);
    vi.advanceTimersByTime(4000);
    expect(refused).toHaveLength(2);
  });
});
