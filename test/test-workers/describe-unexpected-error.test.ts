import { expect, test } from "vitest";
import { describeUnexpectedError } from "../../src/test-workers/describe-unexpected-error.ts";
import { canary } from "../support/canary.ts";

const secret = canary("in-a-message");

test.each([
  ["JSON that is none", () => JSON.parse(secret)],
  [
    "a message with frames of its own",
    () => fail(`a\n    at ${secret} (file:///a.ts:1:1)\n    at b (file:///a.ts:1:1)`),
  ],
  ["a name and a code", () => fail("a", { name: `${secret} b`, code: secret })],
])("of an error with %s what came from the other side is left out", (_, work) => {
  let text = "";
  try {
    work();
  } catch (error) {
    text = describeUnexpectedError(error);
  }
  expect(text).not.toContain(secret);
  expect(text).not.toContain("canary");
  expect(text).toMatch(/^\w+Error|^Error/);
  expect(text).toContain("describe-unexpected-error.test.ts");
});

test("what is no error is named by its type", () => {
  expect(describeUnexpectedError(secret)).toBe("not an error but string");
});

test("a code of Node is kept", () => {
  expect(describeUnexpectedError(Object.assign(new Error("a"), { code: "ERR_ASSERTION" }))).toMatch(
    /^Error ERR_ASSERTION\n {4}at /,
  );
});

function fail(message: string, more: object = {}): never {
  throw Object.assign(new Error(message), more);
}
