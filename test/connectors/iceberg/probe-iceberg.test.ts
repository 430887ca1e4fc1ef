import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { IcebergConfigSchema } from "../../../gen/connectory/v1/iceberg_config_pb.js";
import { iceberg } from "../../../src/connectors/iceberg/iceberg.ts";
import { canary } from "../../support/canary.ts";
import { authority } from "../../support/servers/certificates.ts";
import { json, startHttpServer } from "../http-server.ts";
import { expectNothingLeft, openResources } from "../open-resources.ts";
import { discoverWith, failure, steps, tryConnector } from "../run-probe.ts";
import { type CatalogOptions, startCatalog } from "./start-catalog.ts";

type Init = MessageInitShape<typeof IcebergConfigSchema>;

const closers: (() => Promise<void>)[] = [];
let before = 0;
beforeEach(() => {
  before = openResources();
});
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
  await expectNothingLeft(before);
});

async function catalog(options?: CatalogOptions) {
  const server = await startCatalog(options);
  closers.push(server.close);
  return server;
}

const token = canary("iceberg-token");

describe("an Iceberg catalog", () => {
  test("is asked what it is and for one namespace", async () => {
    const { url, requests } = await catalog({ token, secured: true });
    const outcome = await tryConnector("iceberg", { url: `${url}/`, warehouse: "lake", token, tls: { ca: authority } });
    expect(outcome.message).toBe(`Iceberg answered at ${url}/ (lake)`);
    expect(steps(outcome)).toEqual([
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS PASSED OK",
      "AUTHENTICATE PASSED OK",
      "AUTHORIZE PASSED OK",
      "CAPABILITY PASSED OK",
    ]);
    expect(requests).toEqual(["GET /v1/config?warehouse=lake", "GET /v1/namespaces?pageToken=&pageSize=1"]);
  });

  test("that sends its clients elsewhere is not followed, and what it hands out stays where it is", async () => {
    const { url, requests } = await catalog({ overrides: { uri: "http://169.254.169.254/", prefix: "ws/lake-1" } });
    const outcome = await tryConnector("iceberg", { url });
    expect(outcome.error).toBe(false);
    const facts = Object.fromEntries(outcome.report.facts.map(({ name, value }) => [name, value]));
    expect(facts).toEqual({ override_uri: "http://169.254.169.254/", override_prefix: "ws/lake-1" });
    expect(requests.at(-1)).toBe("GET /v1/ws/lake-1/namespaces?pageToken=&pageSize=1");
  });

  test.each(["../../admin", "a/../b", "a?b", "a b", "a\r\nx: y", ".", "a//b", "%2E%2e/admin"])(
    "with the prefix %j is not asked further",
    async (prefix) => {
      const { url, requests } = await catalog({ overrides: { prefix } });
      expect(failure(await tryConnector("iceberg", { url }))).toMatchObject({ code: "PREFIX_INVALID", field: "url" });
      expect(requests).toHaveLength(1);
    },
  );

  test("refuses a token, or asks for one", async () => {
    const { url } = await catalog({ token });
    const wrong = await tryConnector("iceberg", { url, token: canary("iceberg-other") });
    expect(failure(wrong)).toMatchObject({ code: "PASSWORD_WRONG", field: "token" });
    expect(failure(await tryConnector("iceberg", { url }))).toMatchObject({ code: "PASSWORD_MISSING", field: "token" });
    const right = await tryConnector("iceberg", { url, token });
    expect(steps(right)).toContain("AUTHENTICATE WARNING PASSWORD_IN_CLEAR");
  });

  test("has no such warehouse", async () => {
    const { url } = await catalog();
    const outcome = await tryConnector("iceberg", { url, warehouse: "ocean" });
    expect(failure(outcome)).toMatchObject({ code: "WAREHOUSE_UNKNOWN", field: "warehouse" });
    expect(outcome.message).not.toContain("hidden");
  });

  const model = { error: { message: "hidden", type: "X", code: 1 } };
  test.each([
    [401, model, "AUTHENTICATE", "PASSWORD_WRONG", "token"],
    [419, model, "AUTHENTICATE", "TOKEN_EXPIRED", "token"],
    [403, model, "AUTHORIZE", "PERMISSION_DENIED", "token"],
    [400, model, "CAPABILITY", "WAREHOUSE_MISSING", "warehouse"],
    [404, {}, "CAPABILITY", "NOT_AN_ICEBERG_CATALOG", "url"],
    [200, {}, "CAPABILITY", "NOT_AN_ICEBERG_CATALOG", "url"],
    [200, "hello", "CAPABILITY", "NOT_AN_ICEBERG_CATALOG", "url"],
    [301, {}, "CAPABILITY", "NOT_AN_ICEBERG_CATALOG", "url"],
    [429, model, "CAPABILITY", "TOO_MANY_REQUESTS", "url"],
    [500, model, "CAPABILITY", "SERVER_ERROR", "url"],
    [503, model, "CAPABILITY", "UNAVAILABLE", "url"],
  ] as const)("that answers with status %i and %j", async (status, body, stage, code, field) => {
    const server = await startHttpServer(json(status, body));
    closers.push(server.close);
    const outcome = await tryConnector("iceberg", { url: server.url, token });
    expect(steps(outcome)).toContain(`${stage} FAILED ${code}`);
    expect(failure(outcome)).toMatchObject({ code, field });
  });

  test("that lets nobody list is a missing permission", async () => {
    const server = await startHttpServer((request, response) =>
      json(request.url === "/v1/config" ? 200 : 403, { overrides: {}, ...model })(request, response),
    );
    closers.push(server.close);
    const outcome = await tryConnector("iceberg", { url: server.url, token });
    expect(steps(outcome)).toContain("AUTHORIZE FAILED PERMISSION_DENIED");
  });
});

describe("discovery in an Iceberg catalog", () => {
  async function all(config: Init, parent: string, pageSize: number) {
    const found: string[] = [];
    let cursor = "";
    let pages = 0;
    do {
      const { page, error } = await discoverWith("iceberg", config, { parent, pageSize, cursor });
      expect([error, page.resources.length <= pageSize]).toEqual([false, true]);
      found.push(...page.resources.map(({ kind, name, container }) => `${kind} ${name}${container ? "/" : ""}`));
      cursor = page.nextCursor;
      pages += 1;
    } while (cursor !== "" && pages < 20);
    return { found, pages };
  }

  test.each([
    ["with pages", true],
    ["without pages", false],
  ])("%s finds everything once", async (_, pages) => {
    const { url } = await catalog({ pages, overrides: { prefix: "p" } });
    expect(await all({ url }, "", 1)).toEqual({
      found: ["namespace sales/", "namespace logs/", "namespace archive/"],
      pages: 3,
    });
    expect((await all({ url }, "", 50)).pages).toBe(1);
    expect((await all({ url }, "sales", 1)).found).toEqual([
      "namespace sales.eu%2Ewest/",
      "table sales.orders",
      "table sales.customers",
    ]);
    expect((await all({ url }, "sales.eu%2Ewest", 2)).found).toEqual(["table sales.eu%2Ewest.orders"]);
    expect((await all({ url }, "logs", 2)).found).toEqual([]);
  });

  test("below a namespace that is gone", async () => {
    const { url } = await catalog();
    const outcome = await discoverWith("iceberg", { url }, { parent: "gone" });
    expect(outcome.error).toBe(true);
    expect(failure(outcome)).toMatchObject({ code: "NOT_FOUND" });
  });

  test("ends even where the catalog has endless empty pages or tokens", async () => {
    let page = 0;
    const server = await startHttpServer((request, response) => {
      const long = request.headers.authorization === undefined ? "" : "x".repeat(2000);
      const body = { overrides: {}, namespaces: long === "" ? [] : [["a"]], "next-page-token": `${++page}${long}` };
      json(200, body)(request, response);
    });
    closers.push(server.close);
    const empty = await discoverWith("iceberg", { url: server.url });
    expect(empty).toMatchObject({ error: false, page: { resources: [] } });
    expect(server.requests.length).toBeLessThan(20);
    const long = await discoverWith("iceberg", { url: server.url, token });
    expect(failure(long)).toMatchObject({ code: "CURSOR_TOO_LONG" });
  });
});

describe("a configuration for Iceberg", () => {
  const wrong = (init: Init) => (iceberg.validate?.(create(IcebergConfigSchema, init)) ?? []).map(({ field }) => field);

  test("is checked without dialling", () => {
    expect(wrong({ url: "https://catalog.example/iceberg", token, tls: {} })).toEqual([]);
    expect(wrong({ url: "https://catalog.example/iceberg/v1/" })).toEqual(["url"]);
    expect(wrong({ url: "https://catalog.example/?warehouse=a" })).toEqual(["url"]);
    expect(wrong({ url: "s3://catalog" })).toEqual(["url"]);
    expect(wrong({ url: "https://catalog.example", token: "a\nb" })).toEqual(["token"]);
    expect(wrong({ url: "http://catalog.example", tls: {} })).toEqual(["tls"]);
  });
});
