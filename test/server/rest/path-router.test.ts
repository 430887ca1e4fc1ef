import { describe, expect, test } from "vitest";
import { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { type HttpRule, httpRulesOf } from "../../../src/proto-schema/http/http-rule.ts";
import { HttpError } from "../../../src/server/problem-details/http-error.ts";
import { createPathRouter } from "../../../src/server/rest/request/path-router.ts";

const rules = [ConnectionProfileService, ConnectionService].flatMap((service) =>
  service.methods.flatMap((method) => httpRulesOf(method).map((rule) => ({ rule, target: method.localName }))),
);
const match = createPathRouter(rules);

function refusal(verb: string, path: string): [string, string | undefined] {
  try {
    match(verb, path);
  } catch (error) {
    if (error instanceof HttpError) return [error.reason, error.headers.allow];
    throw error;
  }
  throw new Error("it should have been refused");
}

test.each(rules.map(({ rule, target }) => [`${rule.verb} ${rule.path}`, rule, target] as const))(
  "%s leads to its RPC",
  (_name, rule: HttpRule, target) => {
    const values = new Map(rule.variables.map((name, index) => [name, `va lue/${index}`]));
    const path = rule.path.replace(/\{([^}]+)\}/g, (_, name: string) => encodeURIComponent(values.get(name) ?? ""));
    expect(match(rule.verb, path)).toEqual({ target, variables: values });
  },
);

describe("a path", () => {
  test("with a literal wins over one with a variable, whatever the method", () => {
    expect(match("POST", "/v1/connection_profiles/test").target).toBe("testConnectionProfile");
    expect(refusal("GET", "/v1/connection_profiles/test")).toEqual(["METHOD_NOT_ALLOWED", "POST"]);
    expect(match("GET", "/v1/connections:lookup").target).toBe("getConnection");
  });

  test("keeps a colon in a variable apart from a verb", () => {
    expect(match("POST", "/v1/connection_profiles/a%3Ab:undelete").variables).toEqual(new Map([["id", "a:b"]]));
    expect(match("GET", "/v1/connections/a%3Ab").variables).toEqual(new Map([["id", "a:b"]]));
    expect(refusal("GET", "/v1/connections/a:b")).toEqual(["PATH_UNKNOWN", undefined]);
    expect(refusal("GET", "/v1/connection_profiles/x:undelete")).toEqual(["METHOD_NOT_ALLOWED", "POST"]);
  });

  test("that is known tells what may be done there", () => {
    expect(refusal("PUT", "/v1/connections")[1]).toBe("GET, HEAD, POST");
    expect(refusal("TRACE", "/v1/connections/x")[1]).toBe("DELETE, GET, HEAD");
    expect(match("HEAD", "/v1/connections").target).toBe("listConnections");
  });

  test.each([
    "/v1",
    "/v1/",
    "/v1/connections/",
    "/v1//connections",
    "/v1/connections/a/b",
    "/V1/connections",
    "/v1/..",
  ])("such as %s is unknown", (path) => {
    expect(refusal("GET", path)[0]).toBe("PATH_UNKNOWN");
  });

  test("that is not percent-encoded UTF-8 is malformed", () => {
    for (const path of ["/v1/connections/%", "/v1/connections/%zz", "/v1/connections/%ff"])
      expect(refusal("GET", path)[0]).toBe("PATH_MALFORMED");
  });
});

test("a path that stands in the contract twice stops the start", () => {
  const rule: HttpRule = { verb: "GET", path: "/v1/a/{id}", body: "", variables: ["id"] };
  const twice = { ...rule, path: "/v1/a/{name}", variables: ["name"] };
  expect(() => createPathRouter([rule, twice].map((one) => ({ rule: one, target: 0 })))).toThrow("twice");
});
