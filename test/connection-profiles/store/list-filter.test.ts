import { describe, expect, test } from "vitest";
import { parseListFilter } from "../../../src/connection-profiles/store/list/list-filter.ts";
import { parseListOrder } from "../../../src/connection-profiles/store/list/list-order.ts";

const name = (value: string, prefix = false) => ({ field: "name", value, prefix });
const label = (key: string, value: string | undefined, prefix = false) => ({
  field: "label",
  label: key,
  value,
  prefix,
});

describe("a filter", () => {
  test.each([
    ["", []],
    ["   ", []],
    ['name = "a"', [name("a")]],
    ["name=a", [name("a")]],
    ['name = "prod-*"', [name("prod-", true)]],
    ["name = prod-*", [name("prod-", true)]],
    ['name : "a b"', [name("a b")]],
    [String.raw`name = "say \"hi\" \\"`, [name(String.raw`say "hi" \ `.trim())]],
    ['name = ""', [name("")]],
    ['name = "AND"', [name("AND")]],
    [
      'connector = "kafka" AND labels.team = "data"',
      [{ field: "connector", value: "kafka", prefix: false }, label("team", "data")],
    ],
    ["labels.team:*", [label("team", undefined)]],
    ["labels.team = *", [label("team", "", true)]],
    ['labels."team/x y" = "d*"', [label("team/x y", "d", true)]],
    ['labels.a.b-c_d/e = "1"  AND  name = x', [label("a.b-c_d/e", "1"), name("x")]],
  ])("%j is read", (text, terms) => {
    expect(parseListFilter(text)).toEqual(terms);
  });

  test.each([
    ["nme = a", 1],
    ["name", 1],
    ["name = ", 1],
    ['name = "a', 1],
    ["name = a b", 10],
    ["name = a OR name = b", 10],
    ["name = a AND", 10],
    ["name = a AND ", 10],
    ["name = a AND AND name = b", 14],
    ["(name = a)", 1],
    ["NOT name = a", 1],
    ["name != a", 1],
    ["labels.UP = a", 1],
    ["name = a'; drop table connection_profile --", 12],
  ])("%j is refused, with the place", (text, position) => {
    expect(() => parseListFilter(text)).toThrow(`filter: from character ${position} on it`);
  });

  test("of hostile length is read to its end", () => {
    for (const text of [
      " ".repeat(1024),
      `name = "${"\\".repeat(1000)}`,
      `labels.${"a.".repeat(500)} = b`,
      "a".repeat(1024),
    ])
      try {
        parseListFilter(text);
      } catch {
        // Refused, or not: it must come to an end, which a search that tries every way would not.
      }
  });
});

test.each([
  ["", "name", false],
  ["name", "name", false],
  ["name desc", "name", true],
  ["created_at asc", "created_at", false],
  [" updated_at  desc ", "updated_at", true],
])("the order %j", (text, by, descending) => {
  expect(parseListOrder(text)).toEqual({ by, descending });
});

test.each(["id", "name,created_at", "name descending", "NAME", "name; drop"])("no order %j", (text) => {
  expect(() => parseListOrder(text)).toThrow("order_by");
});
