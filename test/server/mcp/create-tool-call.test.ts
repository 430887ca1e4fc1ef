import { once } from "node:events";
import type { HandlerContext } from "@connectrpc/connect";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { mapErrors } from "../../../src/interceptors/map-errors.ts";
import { requestId } from "../../../src/interceptors/request-id.ts";
import type { Route } from "../../../src/server/dispatch/route.ts";
import { rejectUnknownMember } from "../../../src/server/json/normalize-json.ts";
import { createToolCall } from "../../../src/server/mcp/create-tool-call.ts";

const { testConnectionProfile, streamConnectionProfileTest } = ConnectionProfileService.method;
const interceptors = [requestId, mapErrors(pino({ level: "silent" }))];

const unary = (implementation: (request: unknown, context: HandlerContext) => Promise<object>): Route =>
  ({ kind: "unary", method: testConnectionProfile, implementation }) as Route;
const streamed = (implementation: (request: unknown, context: HandlerContext) => AsyncIterable<object>): Route =>
  ({ kind: "server_streaming", method: streamConnectionProfileTest, implementation }) as Route;

const never = unary(async (_request, { signal }) => {
  await once(signal, "abort");
  throw signal.reason;
});

const options = { interceptors, rejectMember: rejectUnknownMember };

function call(said?: string[]) {
  const onProgress = said === undefined ? undefined : async (sentence: string) => void said.push(sentence);
  return { arguments: {}, header: new Headers(), peer: undefined, signal: new AbortController().signal, onProgress };
}

describe("a call that takes too long", () => {
  test("ends with DEADLINE_EXCEEDED, and the verb knew how much time it had", async () => {
    let left = 0;
    const slow = unary(async (request, context) => {
      left = context.timeoutMs() ?? 0;
      return (never.implementation as (request: unknown, context: HandlerContext) => Promise<object>)(request, context);
    });
    const { isError, _meta } = await createToolCall(slow, undefined, options, 200)(call());
    expect([isError, _meta?.["connectory/error"]]).toMatchObject([true, { reason: "DEADLINE_EXCEEDED" }]);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(200);
  });

  test("ends a stream without an end too", async () => {
    const endless = streamed(async function* (_request, { signal }) {
      yield { message: "begun" };
      await once(signal, "abort");
      throw signal.reason;
    });
    const said: string[] = [];
    const { _meta } = await createToolCall(endless, undefined, options, 200)(call(said));
    expect([said, _meta?.["connectory/error"]]).toMatchObject([["begun"], { reason: "DEADLINE_EXCEEDED" }]);
  });
});

describe("the stream behind a tool", () => {
  const count = (until: number) =>
    streamed(async function* () {
      for (let step = 1; step <= until; step++) yield { message: `step ${step}`, done: step === until };
    });

  test("runs instead of the RPC when the caller wants to hear of progress, and only then", async () => {
    const tool = createToolCall(
      unary(async () => ({ message: "at once" })),
      count(3),
      options,
    );
    const said: string[] = [];
    expect((await tool(call(said))).structuredContent).toEqual({ error: false, done: true, message: "step 3" });
    expect(said).toEqual(["step 1", "step 2", "step 3"]);
    expect((await tool(call())).structuredContent).toMatchObject({ message: "at once" });
  });

  test("tells of a thousand messages and no more: who does not read lets them pile up", async () => {
    const said: string[] = [];
    const { structuredContent } = await createToolCall(count(1500), undefined, options)(call(said));
    expect([said.length, structuredContent]).toMatchObject([1000, { message: "step 1500" }]);
  });

  test("that ends without a message is a failure of ours", async () => {
    const { isError, _meta } = await createToolCall(count(0), undefined, options)(call());
    expect([isError, _meta?.["connectory/error"]]).toMatchObject([true, { code: "INTERNAL" }]);
  });
});
