import type { RequestListener } from "node:http";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { KafkaConfigSchema } from "../../../gen/connectory/v1/kafka_config_pb.js";
import { SchemaRegistryConfigSchema } from "../../../gen/connectory/v1/schema_registry_config_pb.js";
import { kafka } from "../../../src/connectors/kafka/kafka.ts";
import { probeSchemaRegistry } from "../../../src/connectors/schema-registry/probe-schema-registry.ts";
import { validateSchemaRegistry } from "../../../src/connectors/schema-registry/validate-schema-registry.ts";
import { runProbe } from "../../../src/test-workers/probe/run-probe.ts";
import { canary } from "../../support/canary.ts";
import { authority, otherAuthority } from "../../support/servers/certificates.ts";
import { json, startHttpServer } from "../http-server.ts";
import { localDialer } from "../local-server.ts";
import { expectNothingLeft, openResources } from "../open-resources.ts";
import { failure, steps } from "../run-probe.ts";

type Init = MessageInitShape<typeof SchemaRegistryConfigSchema>;

const login = { apiKey: "key-1", apiSecret: canary("registry-secret") };
const closers: (() => Promise<void>)[] = [];
let before = 0;
beforeEach(() => {
  before = openResources();
});
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
  await expectNothingLeft(before);
});

async function serve(answer: RequestListener, options = {}) {
  const server = await startHttpServer(answer, options);
  closers.push(server.close);
  return server;
}

/** As a part of another connector's test, which is how it is used. */
function run(init: Init, deadlineMs = 5000) {
  const registry = create(SchemaRegistryConfigSchema, init);
  return runProbe({
    connector: { ...kafka, test: (_, probe) => probeSchemaRegistry(registry, probe, "schema_registry.") },
    config: create(KafkaConfigSchema),
    dialer: localDialer,
    signal: new AbortController().signal,
    deadlineMs,
  });
}

const subjects = json(200, ["orders-value", "customers-value"]);

describe("a schema registry", () => {
  test("is asked for its subjects, and only that", async () => {
    const { url, requests, headers } = await serve(subjects, { secured: true });
    const outcome = await run({ endpoint: `${url}/registry/`, tls: { ca: authority }, ...login });
    expect(outcome.error).toBe(false);
    expect(steps(outcome)).toEqual([
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS PASSED OK",
      "AUTHENTICATE PASSED OK",
      "AUTHORIZE PASSED OK",
      "CAPABILITY PASSED OK",
    ]);
    expect(requests).toEqual(["GET /registry/subjects"]);
    expect(headers[0]?.authorization).toBe(`Basic ${btoa(`key-1:${login.apiSecret}`)}`);
    expect(outcome.report.facts).toContainEqual(expect.objectContaining({ name: "subjects", value: "2" }));
  });

  test("with a log-in in clear is a warning, without one it is not", async () => {
    const { url } = await serve(subjects);
    expect(steps(await run({ endpoint: url, ...login }))).toContain("AUTHENTICATE WARNING PASSWORD_IN_CLEAR");
    expect(steps(await run({ endpoint: url }))).toContain("AUTHENTICATE PASSED OK");
  });

  test.each([
    [401, login, "AUTHENTICATE", "PASSWORD_WRONG", "schema_registry.api_secret"],
    [401, {}, "AUTHENTICATE", "PASSWORD_MISSING", "schema_registry.api_key"],
    [403, login, "AUTHORIZE", "PERMISSION_DENIED", "schema_registry.api_key"],
    [404, {}, "CAPABILITY", "NOT_A_SCHEMA_REGISTRY", "schema_registry.endpoint"],
    [302, {}, "CAPABILITY", "NOT_A_SCHEMA_REGISTRY", "schema_registry.endpoint"],
    [503, {}, "CAPABILITY", "UNAVAILABLE", "schema_registry.endpoint"],
  ] as const)("that answers with status %i", async (status, own, stage, code, field) => {
    const { url } = await serve(json(status, { error_code: status, message: "hidden" }));
    const outcome = await run({ endpoint: url, ...own });
    expect(failure(outcome)).toMatchObject({ code, field });
    expect(steps(outcome)).toContain(`${stage} FAILED ${code}`);
    expect(outcome.message).not.toContain("hidden");
  });

  test.each([
    ["an object", "{}"],
    ["a page", "<html></html>"],
    ["nothing", ""],
    ["a deep nest", "[".repeat(500_000)],
  ])("that answers with %s is none", async (_, body) => {
    const { url } = await serve((__, response) => response.end(body));
    expect(failure(await run({ endpoint: url }))).toMatchObject({ code: "NOT_A_SCHEMA_REGISTRY" });
  });

  test("that never stops to answer is not listened to", async () => {
    const { url } = await serve((_, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(65_536, "[")));
      };
      response.on("drain", more);
      more();
    });
    expect(failure(await run({ endpoint: url }))).toMatchObject({
      code: "TOO_MUCH_DATA",
      field: "schema_registry.endpoint",
    });
  });

  test("of which nothing is known in TLS names its own field", async () => {
    const { url } = await serve(subjects, { secured: true });
    const outcome = await run({ endpoint: url, tls: { ca: otherAuthority } });
    expect(failure(outcome)).toMatchObject({ code: "TLS_UNTRUSTED", field: "schema_registry.tls.ca" });
  });

  test("that does not answer ends at the deadline", async () => {
    const { url, connections } = await serve(() => {});
    expect(failure(await run({ endpoint: url }, 300))).toMatchObject({ code: "TIMED_OUT" });
    await expect.poll(connections).toBe(0);
  });
});

describe("a configuration for a schema registry", () => {
  const wrong = (init: Init) =>
    validateSchemaRegistry(create(SchemaRegistryConfigSchema, init), "schema_registry.").map(({ field }) => field);

  test("is checked without dialling", () => {
    expect(validateSchemaRegistry(undefined, "")).toEqual([]);
    expect(wrong({ endpoint: "https://registry.example", tls: {}, ...login })).toEqual([]);
    expect(wrong({ endpoint: "registry.example:8081" })).toEqual(["schema_registry.endpoint"]);
    expect(wrong({ endpoint: "http://registry.example", tls: {} })).toEqual(["schema_registry.tls"]);
    expect(wrong({ endpoint: "https://registry.example", tls: { ca: "no" } })).toEqual(["schema_registry.tls.ca"]);
    expect(wrong({ endpoint: "https://registry.example", apiSecret: "s" })).toEqual(["schema_registry.api_key"]);
    expect(wrong({ endpoint: "https://registry.example", apiKey: "a:b" })).toEqual(["schema_registry.api_key"]);
  });
});
