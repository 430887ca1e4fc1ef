import { describe, expect, test } from "vitest";
import { parseClaimPath, readClaim } from "../../src/auth/claim-path.ts";

function read(name: string, token: string): unknown {
  const path = parseClaimPath(name);
  if (typeof path === "string") throw new Error(path);
  return readClaim(JSON.parse(token) as object, path);
}

describe("a claim is found", () => {
  test.each([
    ["roles", '{"roles":1}'],
    ["realm_access.roles", '{"realm_access":{"roles":1}}'],
    ["/realm_access/roles", '{"realm_access":{"roles":1}}'],
    ["/resource_access/my.client/roles", '{"resource_access":{"my.client":{"roles":1}}}'],
    ["/a~1b/c~0d", '{"a/b":{"c~d":1}}'],
    ["/roles", '{"roles":1}'],
    ["https://acme/roles", '{"https://acme/roles":1}'],
    ["https://acme.example/roles", '{"https://acme.example/roles":1}'],
    ["/realm_access/roles", '{"/realm_access/roles":1,"realm_access":{"roles":2}}'],
    ["realm_access.roles", '{"realm_access.roles":1,"realm_access":{"roles":2}}'],
  ])("%s in %s", (name, token) => {
    expect(read(name, token)).toBe(1);
  });

  test("as null too", () => {
    expect(read("a.b", '{"a":{"b":null}}')).toBeNull();
    expect(read("a", '{"a":null}')).toBeNull();
  });
});

describe("a claim is absent", () => {
  test.each([
    ["Roles", '{"roles":1}'],
    ["realm_access.Roles", '{"realm_access":{"roles":1}}'],
    ["resource_access.my.client.roles", '{"resource_access":{"my.client":{"roles":1}}}'],
    ["a.b", '{"a":null}'],
    ["a.b", '{"a":"text"}'],
    ["a.length", '{"a":"text"}'],
    ["a.0", '{"a":["x"]}'],
    ["a.length", '{"a":["x"]}'],
    ["a.toString", '{"a":{}}'],
    ["toString", "{}"],
    ["hasOwnProperty.name", "{}"],
  ])("%s in %s", (name, token) => {
    expect(read(name, token)).toBeUndefined();
  });

  test.each(["__proto__", "constructor", "prototype"])("by the name %s, also where the token has it", (segment) => {
    const token = JSON.parse(`{"${segment}":{"roles":1},"a":{"${segment}":1}}`) as object;
    expect(readClaim(token, { name: segment, segments: undefined })).toBeUndefined();
    expect(readClaim(token, { name: "x", segments: [segment, "roles"] })).toBeUndefined();
    expect(readClaim(token, { name: "x", segments: ["a", segment] })).toBeUndefined();
  });
});

test.each([
  ["__proto__", "__proto__"],
  ["a.constructor", "constructor"],
  ["/a/prototype", "prototype"],
  ["a..b", "empty part"],
  [".a", "empty part"],
  ["a.", "empty part"],
  ["/", "empty part"],
  ["/a//b", "empty part"],
  ["/a~2b", "JSON pointer"],
  ["/a~", "JSON pointer"],
  ["a\u0000b", "control"],
  ["a".repeat(257), "256"],
  [Array.from({ length: 17 }, () => "a").join("."), "more than 16"],
])("the name %j is refused", (name, why) => {
  expect(parseClaimPath(name)).toContain(why);
});
