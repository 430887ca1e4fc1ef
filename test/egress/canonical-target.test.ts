import { expect, test } from "vitest";
import { canonicalTarget } from "../../src/egress/canonical-target.ts";

test.each([
  ["127.0.0.1", ["::ffff:127.0.0.1", "::FFFF:7f00:1", "0:0:0:0:0:ffff:127.0.0.1"]],
  ["192.0.2.7", ["::ffff:192.0.2.7", "64:ff9b::192.0.2.7", "64:ff9b::c000:207", "2002:c000:207::1"]],
  ["2001:db8::1", ["2001:0DB8:0:0:0:0:0:1", "2001:db8:0::0:1"]],
])("%s is one target however it is written", (address, spellings) => {
  const one = canonicalTarget(address, 443);
  expect(spellings.map((spelling) => canonicalTarget(spelling, 443))).toEqual(spellings.map(() => one));
});

test("other addresses and other ports are other targets", () => {
  const all = [
    canonicalTarget("192.0.2.7", 443),
    canonicalTarget("192.0.2.7", 444),
    canonicalTarget("192.0.2.8", 443),
    canonicalTarget("2001:db8::1", 443),
  ];
  expect(new Set(all).size).toBe(all.length);
});
