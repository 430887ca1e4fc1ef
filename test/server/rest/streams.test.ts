import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { HandlerContext } from "@connectrpc/connect";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RestStyle } from "../../../gen/connectory/options/v1/rest_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../../src/errors/api-error.ts";
import { problem } from "./call-rest.ts";
import type { Numbers } from "./counting-service.ts";
import { startNumbers } from "./start-numbers.ts";

let context: HandlerContext | undefined;
let given = 0;

/** Counts on from `after` to `until`. From 1000 on nothing ends by itself; a negative end is an error. */
async function* count({ until, after }: Numbers, ctx: HandlerContext) {
  context = ctx;
  for (given = after + 1; given <= Math.abs(until); given += 1) {
    yield { number: given };
    if (given % 100 === 0) await sleep(0);
    ctx.signal.throwIfAborted();
  }
  if (until < 0) throw new ApiError(ErrorReason.QUEUE_FULL, "no more", { retryAfterMs: 50 });
  if (until >= 1000) {
    await once(ctx.signal, "abort");
    ctx.signal.throwIfAborted();
  }
}

let protocol: Awaited<ReturnType<typeof startNumbers>>;
beforeAll(async () => {
  protocol = await startNumbers(RestStyle.FLAT, { count, say: () => ({}) });
});
afterAll(() => protocol.stop());
beforeEach(() => {
  context = undefined;
  given = 0;
});

const open = (query: string, headers: Record<string, string> = {}, signal?: AbortSignal) =>
  fetch(`${protocol.url}?${query}`, { headers, ...(signal === undefined ? {} : { signal }) });

async function events(response: Response): Promise<EventSourceMessage[]> {
  const found: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => void found.push(event) });
  parser.feed(await response.text());
  return found;
}

describe("a stream as server-sent events", () => {
  test("arrives whole and in order, with a position each, and says that it is done", async () => {
    const response = await open("until=250");
    expect([response.status, response.headers.get("content-type"), response.headers.get("cache-control")]).toEqual([
      200,
      "text/event-stream; charset=utf-8",
      "no-store",
    ]);
    const found = await events(response);
    expect(found.slice(0, -1)).toEqual(
      Array.from({ length: 250 }, (_, i) => ({
        event: "message",
        id: String(i + 1),
        data: JSON.stringify({ number: i + 1 }),
      })),
    );
    expect(found.at(-1)).toEqual({ event: "done", id: "end", data: "{}" });
  });

  test("begins again behind the last event that was seen, whatever the query says", async () => {
    const found = await events(await open("until=5&after=1", { "last-event-id": "3" }));
    expect(found.map(({ id }) => id)).toEqual(["4", "5", "end"]);
    expect((await open("until=5", { "last-event-id": "nonsense" })).status).toBe(400);
  });

  test("that has come to its end is not begun again: 204 stops an EventSource", async () => {
    const response = await open("until=5", { "last-event-id": "end" });
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(context).toBeUndefined();
  });

  test("that fails at once has the error's status", async () => {
    const response = await open("until=0&nope=1");
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining(problem(400, "MESSAGE_MALFORMED")),
    ]);
  });

  test("that fails half-way gives what came before, and the error", async () => {
    const found = await events(await open("until=-3"));
    expect(found.map(({ event }) => event)).toEqual(["message", "message", "message", "error"]);
    expect(JSON.parse(found.at(-1)?.data ?? "")).toMatchObject({
      ...problem(429, "QUEUE_FULL"),
      retryAfterMs: 50,
      error: "no more",
    });
  });

  test("whose deadline passes ends with that", async () => {
    const found = await events(await open("until=1000", { "connect-timeout-ms": "400" }));
    expect(found).toHaveLength(1001);
    expect(JSON.parse(found.at(-1)?.data ?? "")).toMatchObject(problem(504, "DEADLINE_EXCEEDED"));
    expect(context?.signal.aborted).toBe(true);
  });

  test("that the caller leaves ends the verb", async () => {
    const aborter = new AbortController();
    const response = await open("until=1000000", {}, aborter.signal);
    await response.body?.getReader().read();
    aborter.abort();
    await expect.poll(() => context?.signal.aborted).toBe(true);
    const stopped = given;
    await sleep(100);
    expect(given).toBe(stopped);
    await protocol.gate.close(600_000); // nobody is inside any more, or this would wait for ten minutes
    await protocol.stop();
    protocol = await startNumbers(RestStyle.FLAT, { count, say: () => ({}) });
  });

  test("waits for a caller who reads slowly rather than filling the memory", async () => {
    const response = await open("until=10000000");
    const reader = response.body?.getReader();
    await reader?.read();
    await expect
      .poll(async () => {
        const before = given;
        await sleep(200);
        return given - before;
      })
      .toBe(0);
    expect(given).toBeLessThan(200_000);
    await reader?.cancel();
    await expect.poll(() => context?.signal.aborted).toBe(true);
  });

  test("is never compressed, and has no body for HEAD", async () => {
    const response = await open("until=1", { "accept-encoding": "gzip, br" });
    expect(response.headers.get("content-encoding")).toBeNull();
    await response.text();
    context = undefined;
    const head = await fetch(`${protocol.url}?until=1`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-type"), context]).toEqual([
      200,
      "text/event-stream; charset=utf-8",
      undefined,
    ]);
  });
});

describe("a stream as lines of JSON", () => {
  const lines = async (query: string) => {
    const response = await open(query, { accept: "application/x-ndjson" });
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    return (await response.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  };

  test("has the same in each line", async () => {
    expect(await lines("until=2")).toEqual([
      { event: "message", id: "1", data: { number: 1 } },
      { event: "message", id: "2", data: { number: 2 } },
      { event: "done", id: "end", data: {} },
    ]);
    expect((await lines("until=-1")).at(-1)).toMatchObject({ event: "error", data: problem(429, "QUEUE_FULL") });
  });

  test("is for those who ask for it and not for events", async () => {
    const response = await open("until=1", { accept: "text/event-stream, application/x-ndjson;q=0.5" });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    await response.text();
  });
});
