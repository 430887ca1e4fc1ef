import { create, type Message } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import {
  BatchCheckConnectionsRequestSchema as Check,
  type UserPair,
  UserPairSchema,
} from "../../gen/connectory/v1/connection_service_pb.js";
import { ApiError } from "../../src/errors/api-error.ts";
import { createMessageCheck } from "../../src/interceptors/validate.ts";

const check = createMessageCheck();

/** Pairs that count how many of them are looked at. */
function countedPairs(count: number, userId2: (index: number) => string) {
  const seen = new Set<number>();
  const pairs = Array.from({ length: count }, (_, index) => {
    const pair = create(UserPairSchema, { userId2: userId2(index) });
    return Object.defineProperty(pair, "userId1", {
      enumerable: true,
      get: () => {
        seen.add(index);
        return "alice";
      },
    }) satisfies UserPair;
  });
  return { message: create(Check, { pairs }), seen };
}

function failureOf(message: Message): ApiError {
  try {
    check(Check, message);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  return expect.fail("valid");
}

const fields = (failure: ApiError) => failure.detail.fieldViolations?.map(({ field }) => field);

test("it stops after as many violations as are told of", () => {
  const { message, seen } = countedPairs(1000, () => "not a name");
  const failure = failureOf(message);
  expect(fields(failure)).toEqual(Array.from({ length: 16 }, (_, index) => `pairs[${index}].user_id_2`));
  expect(failure.message).toMatch(/; and more$/);
  expect(Math.max(...seen)).toBe(15);
});

test("each element is looked at as long as there are fewer", () => {
  const { message, seen } = countedPairs(1000, (index) => (index % 333 === 0 ? "not a name" : "bob"));
  const failure = failureOf(message);
  expect(fields(failure)).toEqual([0, 333, 666, 999].map((index) => `pairs[${index}].user_id_2`));
  expect(failure.message).not.toContain("more");
  expect(seen.size).toBe(1000);
});

test("a long list in which all is right is valid, and one of too many is not", () => {
  check(Check, countedPairs(1000, () => "bob").message);
  const failure = failureOf(countedPairs(1001, () => "bob").message);
  expect(failure.detail.fieldViolations).toEqual([
    { field: "pairs", description: "must contain no more than 1000 item(s)" },
  ]);
});
