import type { DescMessage } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  TestConnectionProfileRequestSchema as ProfileTest,
  UpdateConnectionProfileRequestSchema as Update,
} from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import {
  BatchCheckConnectionsRequestSchema as Check,
  CreateConnectionRequestSchema as Create,
} from "../../../gen/connectory/v1/connection_service_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../../src/errors/api-error.ts";
import { rejectUnknownMember } from "../../../src/server/json/normalize-json.ts";
import { readArguments } from "../../../src/server/mcp/read-arguments.ts";

function failure(input: DescMessage, value: unknown): ApiError {
  try {
    readArguments(input, value, { form: { wrapped: false }, rejectMember: rejectUnknownMember });
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("it was read");
}

const faults = (input: DescMessage, value: unknown) =>
  (failure(input, value).detail.fieldViolations ?? []).map(({ field, description }) => `${field} ${description}`);

describe("arguments that cannot be read", () => {
  test.each<[string, DescMessage, unknown, string[]]>([
    ["text", Create, { userId1: 1 }, ["user_id_1 must be a text"]],
    [
      "a time",
      Create,
      { connectedSince: "yesterday" },
      [
        "connected_since must be a time such as 2026-01-31T12:00:00Z, a day such as 2026-01-31, or milliseconds since 1970",
      ],
    ],
    ["a flag", Update, { validateOnly: "yes" }, ["validate_only must be true or false"]],
    ["a number", ProfileTest, { config: { redis: { port: "x" } } }, []],
    ["a list", Check, { pairs: {} }, ["pairs must be a list, and each element an object"]],
    ["an element", Check, { pairs: [{ userId1: "a" }, 5] }, ["pairs[1] must be an object"]],
    ["inside an element", Check, { pairs: [{ userId1: ["a"] }] }, ["pairs[0].user_id_1 must be a text"]],
    ["a map", Update, { labels: ["a"] }, ["labels must be an object, and each value a text"]],
    ["an entry", Update, { labels: { a: "b", 'c"d': 5 } }, ['labels["c\\"d"] must be a text']],
    ["an unknown name", Check, { pears: [] }, ["pears there is no such field: known here are pairs"]],
    ["several", Create, { userId1: 1, userId2: {} }, ["user_id_1 must be a text", "user_id_2 must be a text"]],
    [
      "a name of JavaScript",
      Check,
      JSON.parse('{"__proto__":{}}'),
      ["__proto__ there is no such field: known here are pairs"],
    ],
  ])("%s", (_what, input, value, said) => {
    const found = faults(input, value);
    if (said.length > 0) expect(found).toEqual(said);
    else expect(found).toHaveLength(1);
  });

  test("say how an enum's values are called, and that one thing is there twice", () => {
    expect(faults(Update, { validationMode: "LIFE" })[0]).toMatch(/^validation_mode must be one of VALIDATION_MODE_/);
    const both = failure(ProfileTest, { config: { kafka: {}, redis: {} } });
    expect([both.reason, both.message]).toEqual([ErrorReason.MESSAGE_MALFORMED, expect.stringContaining("config")]);
  });

  test("never repeat a value", () => {
    const secret = "hunter2";
    for (const password of [[secret], { a: secret }, 5])
      expect(failure(ProfileTest, { config: { postgres: { host: "h", password } } }).message).not.toContain(secret);
  });

  test("are not searched for ever: of a long list it is said what it must be, of many faults the first", () => {
    expect(faults(Check, { pairs: Array.from({ length: 1001 }, () => 1) })).toEqual([
      "pairs must contain no more than 1000 item(s)",
    ]);
    expect(faults(Check, { pairs: Array.from({ length: 1000 }, () => 1) })).toHaveLength(16);
    const unknown = (length: number) => Object.fromEntries(Array.from({ length }, (_, index) => [`n${index}`, 1]));
    expect(faults(Check, unknown(500))).toHaveLength(16);
    expect(faults(Check, unknown(5000))).toEqual([
      "n3999 from here on the request has more than 4000 fields and elements",
    ]);
  });
});
