import { once } from "node:events";
import type { HandlerContext } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RestStyle } from "../../../gen/connectory/options/v1/rest_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../../src/errors/api-error.ts";
import { problem } from "./call-rest.ts";
import type { Numbers } from "./counting-service.ts";
import { startNumbers } from "./start-numbers.ts";

let context: HandlerContext | undefined;

/** 1: takes for ever and does not look at its signal. 2: a defect. 3: a failed precondition. 4: come back later. */
async function say({ until }: Numbers, ctx: HandlerContext) {
  context = ctx;
  if (until === 1) await once(new EventTarget(), "never");
  if (until === 2) throw new Error("secret inside");
  if (until === 3) throw new ApiError(ErrorReason.TARGET_UNUSABLE, "not now");
  if (until === 4) throw new ApiError(ErrorReason.QUEUE_FULL, "later", { retryAfterMs: 1200 });
  return { number: until };
}

const styles = [RestStyle.ENVELOPE, RestStyle.FLAT, RestStyle.UNSPECIFIED] as const;

describe.each(styles.map((style) => [RestStyle[style], style] as const))("a call in style %s", (_name, style) => {
  let protocol: Awaited<ReturnType<typeof startNumbers>>;
  beforeAll(async () => {
    protocol = await startNumbers(style, { say, count: async function* () {} });
  });
  afterAll(() => protocol.stop());
  beforeEach(() => {
    context = undefined;
  });

  const post = (until: number, headers: Record<string, string> = {}, signal?: AbortSignal) =>
    fetch(protocol.url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ until }),
      ...(signal === undefined ? {} : { signal }),
    });

  test("is answered in it", async () => {
    const response = await post(7);
    const enveloped = { status: "OK", dataName: "number", action: "say", rowCount: 1, number: 7 };
    expect(await response.json()).toEqual(
      style === RestStyle.ENVELOPE ? expect.objectContaining(enveloped) : { number: 7 },
    );
  });

  test("whose deadline passes is answered, whatever the verb does", async () => {
    const response = await post(1, { "connect-timeout-ms": "100" });
    expect([response.status, await response.json()]).toEqual([
      504,
      expect.objectContaining(problem(504, "DEADLINE_EXCEEDED")),
    ]);
    expect(context?.timeoutMs()).toBeLessThanOrEqual(0);
    expect(context?.signal.aborted).toBe(true);
  });

  test("whose caller leaves aborts the verb's signal", async () => {
    const aborter = new AbortController();
    const call = post(1, {}, aborter.signal);
    await expect.poll(() => context).toBeDefined();
    aborter.abort();
    await expect(call).rejects.toThrow();
    await expect.poll(() => context?.signal.aborted).toBe(true);
  });

  test("that meets a defect says nothing of it", async () => {
    const response = await post(2);
    const text = await response.text();
    expect([response.status, text]).toEqual([500, expect.not.stringContaining("secret")]);
    expect(JSON.parse(text)).toMatchObject(problem(500, "INTERNAL"));
  });

  test("that fails a precondition is 422 in the envelope, else 400", async () => {
    const status = style === RestStyle.ENVELOPE ? 422 : 400;
    const response = await post(3);
    const own = {
      [RestStyle.ENVELOPE]: { result: "ERR", message: "errMsg_TargetUnusable", errCode: "TargetUnusable" },
      [RestStyle.FLAT]: { error: "not now" },
      [RestStyle.UNSPECIFIED]: {},
    };
    expect([response.status, await response.json()]).toEqual([
      status,
      expect.objectContaining({ ...problem(status, "TARGET_UNUSABLE"), ...own[style] }),
    ]);
  });

  test("that is to come back later is told when, in whole seconds too", async () => {
    const response = await post(4);
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "2"]);
    expect(await response.json()).toMatchObject({ ...problem(429, "QUEUE_FULL"), retryAfterMs: 1200 });
  });

  test("that is refused before it begins is refused in it as well", async () => {
    const response = await post(1, { "connect-timeout-ms": "soon" });
    const own = {
      [RestStyle.ENVELOPE]: { result: "ERR" },
      [RestStyle.FLAT]: { error: expect.stringContaining("connect-timeout-ms") },
      [RestStyle.UNSPECIFIED]: {},
    };
    expect(await response.json()).toMatchObject({ ...problem(400, "MESSAGE_MALFORMED"), ...own[style] });
  });
});
