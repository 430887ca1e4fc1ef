import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { connectionMistakes } from "./connection-mistakes.ts";
import { pathMistakes } from "./path-mistakes.ts";
import { profileMistakes } from "./profile-mistakes.ts";
import { createSender, type Sender } from "./send-mistake.ts";

let app: TestApp;
let sender: Sender;
beforeAll(async () => {
  app = await startTestApp();
  sender = createSender(app, await app.token());
});
afterAll(() => app.stop());

describe.each([
  ["paths, methods and forms", pathMistakes],
  ["connections", connectionMistakes],
  ["connection profiles", profileMistakes],
])("%s: the answer alone says what to do about", (_kind, rows) => {
  test.each(rows)("%s", async (_mistake, send, status, says) => {
    expect(await send(sender)).toEqual({ status, says: expect.stringContaining(says) });
  });
});

test("no answer is a defect of the server, shows a regular expression or names a type of protobuf", async () => {
  const rows = [...pathMistakes, ...connectionMistakes, ...profileMistakes];
  expect(rows.length).toBeGreaterThan(60);
  for (const [mistake, send] of rows) {
    const { status, says } = await send(sender);
    expect([mistake, says]).toEqual([mistake, expect.not.stringMatching(/\^\[|\\p\{|regex|google\.protobuf|INTERNAL/)]);
    expect([mistake, [500, "Internal", "Unknown"]]).toEqual([mistake, expect.not.arrayContaining([status])]);
  }
});
