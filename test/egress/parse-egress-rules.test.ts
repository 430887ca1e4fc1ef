import { describe, expect, test } from "vitest";
import { parseEgressRules } from "../../src/egress/parse-egress-rules.ts";

describe("parseEgressRules", () => {
  test("reads blocks, addresses, names and everything, with commas or white space between", () => {
    const { rules, problems } = parseEgressRules(
      "10.0.0.0/8, 2001:db8::/32\n192.0.2.7 *.Example.com,.corp. localhost *",
    );
    expect(problems).toEqual([]);
    expect(rules.map((rule) => (rule.kind === "block" ? [rule.base, rule.bits] : rule))).toEqual([
      ["10.0.0.0", 8],
      ["2001:db8::", 32],
      ["192.0.2.7", 32],
      { kind: "domain", name: "example.com" },
      { kind: "domain", name: "corp" },
      { kind: "domain", name: "localhost" },
      { kind: "everything" },
    ]);
  });

  test("an empty text has no rules", () => {
    expect(parseEgressRules(" , ")).toEqual({ rules: [], problems: [] });
  });

  test.each([
    "10.0.0.0/33",
    "10.0.0.0/x",
    "10.0.0.0/",
    "10.0.0.1/8",
    "::/129",
    "2001:db8::1/64",
    "::ffff:10.0.0.0/104",
    "fe80::1%eth0",
    "10.0.0",
    "300.1.1.1",
    "0x7f.1",
    "exa mple!",
    "a..b",
    "example.com..",
    "*.example.com..",
    "a..example.com",
    ".10.0.0.1",
    "127.1",
    "2130706433",
    "b\u00fccher.example",
    "example\uff0ecom",
    "%64enied.example",
    "-a.example",
    "http://example.com",
    "example.com:443",
  ])("%s is a problem", (entry) => {
    const { rules, problems } = parseEgressRules(entry.replace(" ", "_"));
    expect(rules).toEqual([]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(entry.replace(" ", "_"));
  });
});
