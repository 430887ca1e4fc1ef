import { afterEach, describe, expect, test, vi } from "vitest";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import type { ApiError } from "../../../src/errors/api-error.ts";
import {
  type CallLimiter,
  type CallLimits,
  createCallLimiter,
  type LimitedCall,
} from "../../../src/server/admission/call-limits.ts";

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

let bounds: CallLimiter;
let refused: ApiError[] = [];
let begun: string[] = [];
function start(limits: Partial<CallLimits>): void {
  bounds = createCallLimiter({ ...roomy, ...limits });
  refused = [];
  begun = [];
}
const open = (caller: string): LimitedCall => bounds.open({ caller, refuse: (failure) => refused.push(failure) });
/** A call whose message is there and is to be decompressed. */
const inflate = (caller: string, name = caller): LimitedCall => {
  const call = open(caller);
  call.inflate(() => begun.push(name));
  return call;
};
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

  test("a few are decompressed at a time, of each caller and of all; the others wait, and callers take turns", () => {
    start({ inflating: 3, inflatingPerCaller: 2 });
    open("a"); // whose message is not there takes no place
    const calls = ["a1", "a2", "a3", "a4", "b1", "b2"].map((name) => inflate(name.charAt(0), name));
    expect(begun).toEqual(["a1", "a2", "b1"]);
    calls[0]?.inflated();
    expect(begun.at(-1)).toBe("a3");
    calls[1]?.inflated();
    expect(begun.at(-1)).toBe("b2");
    calls[4]?.inflated();
    expect(begun.at(-1)).toBe("a4");
    expect(begun).toHaveLength(6);
  });

  test("one that is being decompressed has its place until that has ended, also when its caller has left", () => {
    start({ inflating: 2, inflatingPerCaller: 1 });
    const first = inflate("a", "a1");
    first.close();
    inflate("a", "a2");
    expect(begun).toEqual(["a1"]);
    first.inflated();
    first.inflated(); // counts once
    expect(begun).toEqual(["a1", "a2"]);
    inflate("a", "a3");
    expect(begun).toEqual(["a1", "a2"]);
  });

  test("one that waits and leaves is not begun", () => {
    start({ inflating: 1 });
    const [first, second] = [inflate("a", "a1"), inflate("a", "a2")];
    second.close();
    first.inflated();
    second.inflate(() => begun.push("too late"));
    expect(begun).toEqual(["a1"]);
    inflate("a", "a3");
    expect(begun).toEqual(["a1", "a3"]);
  });

  test("one that takes too long is refused; a message restarts its time", () => {
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

  test("one that waits too long for its place is refused as one too many", () => {
    vi.useFakeTimers();
    start({ inflating: 1, timeoutMs: 5000 });
    inflate("a").close(); // and goes on
    inflate("a", "a2");
    vi.advanceTimersByTime(7000);
    expect(refused.map(({ reason }) => reason)).toEqual([ErrorReason.QUEUE_FULL]);
    expect(begun).toEqual(["a"]);
  });
});
