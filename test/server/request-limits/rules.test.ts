import { describe, expect, test } from "vitest";
import { maxRequestBytes } from "../../../src/server/request-limits/check-request.ts";
import { isText } from "../../../src/server/request-limits/field-bounds.ts";
import { requestBounds } from "../../../src/server/request-limits/request-bounds.ts";
import { nodesOf, services } from "./fill-field.ts";

const methods = services.flatMap((service) => service.methods);
const megabytes = 4 * 1024 * 1024;

describe.each(methods.map((method) => [method.name, method] as const))("the request of %s", (_name, { input }) => {
  test("has a rule for how many there can be of each list and map, and how long each text and key can be", () => {
    const unbounded = nodesOf(requestBounds(input).root).filter(
      ({ kind, count, text, child, field, name }) =>
        !Number.isFinite(count) ||
        (kind !== "map" && child === undefined && (isText(field) || name === "") && text === undefined),
    );
    expect(unbounded.map(({ field }) => String(field))).toEqual([]);
  });

  test("has a size that follows from them", () => {
    const { values, bytes } = requestBounds(input);
    expect(Number.isSafeInteger(values)).toBe(true);
    expect(Number.isSafeInteger(bytes)).toBe(true);
  });
});

test("a request of a few fields takes a few kilobytes, and none more than the limit of all", () => {
  const sizes = new Map(methods.map(({ name, input }) => [name, maxRequestBytes(input, megabytes)]));
  expect(sizes.get("GetConnection")).toBeLessThan(20_000);
  expect(sizes.get("BatchCheckConnections")).toBeLessThan(megabytes);
  expect(sizes.get("CreateConnectionProfile")).toBe(megabytes);
  expect(maxRequestBytes(methods[0]?.input ?? expect.fail(), 1024)).toBe(1024);
});
