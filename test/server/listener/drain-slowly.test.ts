import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createSlowDrain, type DrainSlowly } from "../../../src/server/listener/drain-slowly.ts";

const chunk = Buffer.alloc(64 * 1024);
const chunks = 64;

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }));
afterEach(() => void vi.useRealTimers());

/** A request with 4 MB that nobody has read, and how much of it has been read since. */
function request(drain: DrainSlowly): { readonly stream: PassThrough; read(): number } {
  const stream = new PassThrough({ highWaterMark: chunks * chunk.length * 2 });
  for (let count = 0; count < chunks; count++) stream.write(chunk);
  stream.end();
  drain(stream as unknown as IncomingMessage);
  const all = chunks * chunk.length;
  return { stream, read: () => all - stream.readableLength };
}

/** Runs what is due without the clock. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("a part of a refused request is read in each step, and all of it in the end", async () => {
  const { stream, read } = request(createSlowDrain());
  await settle();
  expect(read()).toBe(256 * 1024);
  vi.advanceTimersToNextTimer();
  await settle();
  expect(read()).toBe(512 * 1024);
  const ended = new Promise((resolve) => stream.once("end", resolve));
  for (let steps = 0; steps < 14; steps++) {
    vi.advanceTimersToNextTimer();
    await settle();
  }
  await ended;
  expect(vi.getTimerCount()).toBe(0);
});

test("many share what is read in a step", async () => {
  const drain = createSlowDrain();
  const requests = Array.from({ length: 16 }, () => request(drain));
  await settle();
  const before = requests.map(({ read }) => read());
  vi.advanceTimersToNextTimer();
  await settle();
  const step = requests.map(({ read }, index) => read() - (before[index] ?? 0));
  expect(step).toEqual(step.map(() => chunk.length)); // 1 MB between them
  for (const { stream } of requests) stream.destroy();
  await settle();
  expect(vi.getTimerCount()).toBe(0);
});
