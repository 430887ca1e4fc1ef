import { afterEach, describe, expect, test } from "vitest";
import { namespaceSeparator } from "../../../src/connectors/iceberg/namespace-separator.ts";
import { json, startHttpServer } from "../http-server.ts";
import { discoverWith, failure } from "../run-probe.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** A catalog with these settings, a namespace in every one, and no tables. */
async function catalog(settings: { overrides?: Record<string, unknown>; defaults?: Record<string, unknown> }) {
  const server = await startHttpServer((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://catalog");
    if (pathname === "/v1/config") return json(200, { overrides: {}, ...settings })(request, response);
    const empty = pathname.endsWith("/tables") ? { identifiers: [] } : { namespaces: [] };
    json(200, empty)(request, response);
  });
  closers.push(server.close);
  return server;
}

/** The name of a namespace of these levels, as discovery returns it. */
const nameOf = (...levels: string[]) =>
  levels.map((level) => level.replaceAll("%", "%25").replaceAll(".", "%2E")).join(".");

/** What a catalog is asked for below a namespace: its namespaces, then its tables. */
async function asked(settings: Parameters<typeof catalog>[0], parent: string, namespaceSeparator = "") {
  const { url, requests } = await catalog(settings);
  const found = await discoverWith("iceberg", { url, namespaceSeparator }, { parent });
  expect(failure(found)).toBeUndefined();
  return requests.slice(1);
}

describe("the separator of levels", () => {
  const parent = nameOf("a b", "x.y");
  test.each<[string, Parameters<typeof catalog>[0], string, string, string]>([
    ["that the catalog demands", { overrides: { "namespace-separator": "%2E" } }, "", "%2E", "."],
    [
      "that the catalog demands, whatever is configured",
      { overrides: { "namespace-separator": "%2E" } },
      "%2F",
      "%2E",
      ".",
    ],
    ["that is the catalog's default", { defaults: { "namespace-separator": "%24" } }, "", "%24", "%24"],
    ["that is configured", { defaults: { "namespace-separator": "%24" } }, "%2F", "%2F", "%2F"],
    ["that no path can hold", { overrides: { "namespace-separator": "\u001e" } }, "", "%1E", "%1E"],
    ["of the protocol", {}, "", "%1F", "%1F"],
  ])("is the one %s", async (_, settings, configured, inPath, inParameter) => {
    expect(await asked(settings, parent, configured)).toEqual([
      `GET /v1/namespaces?pageToken=&pageSize=50&parent=a%20b${inParameter}x.y`,
      `GET /v1/namespaces/a%20b${inPath}x.y/tables?pageToken=&pageSize=50`,
    ]);
  });

  test.each([7, null, "%FF", "a/b".repeat(20), ["%2E"]])("is not %j", async (separator) => {
    const { url } = await catalog({ overrides: { "namespace-separator": separator } });
    const failed = failure(await discoverWith("iceberg", { url }, { parent: "a" }));
    if (separator === null) return expect(failed).toBeUndefined();
    expect(failed).toMatchObject({ code: "SEPARATOR_INVALID", field: "url" });
  });

  test("is read once", () => {
    expect(namespaceSeparator("%252E")).toEqual({ encoded: "%252E", decoded: "%2E" });
  });
});

test.each([
  ["a b", "a%20b"],
  ["c/d", "c%2Fd"],
  ["x.y", "x.y"],
  ["100%", "100%25"],
  ["é", "%C3%A9"],
  ["a+b", "a%2Bb"],
  ["?#&=", "%3F%23%26%3D"],
])("a namespace %j is percent-encoded", async (name, encoded) => {
  expect(await asked({}, nameOf(name))).toEqual([
    `GET /v1/namespaces?pageToken=&pageSize=50&parent=${encoded}`,
    `GET /v1/namespaces/${encoded}/tables?pageToken=&pageSize=50`,
  ]);
});

test("a warehouse and a page token are percent-encoded too", async () => {
  const { url, requests } = await catalog({});
  await discoverWith("iceberg", { url, warehouse: "my lake+1" }, {});
  expect(requests[0]).toBe("GET /v1/config?warehouse=my%20lake%2B1");
});
