import { readFile } from "node:fs/promises";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, test } from "vitest";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { ErrorReasonSchema } from "../../gen/connectory/v1/error_reason_pb.js";
import { createDocument } from "../../generators/openapi/create-document.ts";
import type { Parameter, Response } from "../../generators/openapi/open-api-document.ts";
import { openapiText } from "../../generators/openapi/openapi-text.ts";
import packageJson from "../../package.json" with { type: "json" };
import { createMessageCheck } from "../../src/interceptors/validate.ts";
import { httpRulesOf } from "../../src/proto-schema/http/http-rule.ts";
import type { JsonSchema } from "../../src/proto-schema/json-schema/keywords.ts";
import { decodeRequest } from "../../src/server/rest/request/decode-request.ts";
import { readDocument } from "../server/openapi/documented-call.ts";

const services = [ConnectionService, ConnectionProfileService];
const methods = services.flatMap((service) => service.methods);
const document = createDocument(services, packageJson);
const reader = readDocument(document);
const operations = Object.entries(document.paths).flatMap(([path, verbs]) =>
  Object.entries(verbs).map(([verb, operation]) => ({ path, verb, operation })),
);

/** The examples of the answer of a success. */
const examplesOf = (path: string, verb: string): JsonValue[] => {
  const answer = reader.resolve<Response>(document.paths[path]?.[verb]?.responses["200"] ?? { $ref: "" });
  return Object.values(answer.content?.["application/json"]?.examples ?? {}).map(({ value }) => value);
};

test("is valid OpenAPI 3.1 and the same text every time", async () => {
  const validator = new Validator();
  expect(await validator.validate(structuredClone(document) as never)).toEqual({ valid: true });
  expect(validator.version).toBe("3.1");
  expect(JSON.stringify(createDocument(services, packageJson))).toBe(JSON.stringify(document));
  expect(document.info.version).toBe(packageJson.version);
});

test("gen/openapi.json is what the generator makes; `npm run generate` writes it", async () => {
  const committed = await readFile(new URL("../../gen/openapi.json", import.meta.url), "utf8");
  expect(committed).toBe(openapiText());
  expect(JSON.parse(committed)).toEqual(JSON.parse(JSON.stringify(document)));
});

test("has every RPC under all of its paths, each operation with a name of its own", () => {
  const rules = methods.flatMap((method) => httpRulesOf(method));
  expect(operations).toHaveLength(rules.length);
  for (const { path, verb } of rules) expect(document.paths[path]?.[verb.toLowerCase()]).toBeDefined();
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(expect.arrayContaining(methods.map((method) => method.localName)));
});

test("says of every operation what it does, what it needs and what can go wrong", () => {
  for (const { path, operation } of operations) {
    expect([path, operation.summary.length > 5, operation.summary.endsWith(".")]).toEqual([path, true, false]);
    expect(operation.description).toMatch(/Needs the permission `[a-z]+\.[a-z]+`\./);
    expect(Object.keys(operation.responses)).toEqual(
      expect.arrayContaining(["400", "401", "403", "404", "503", "default"]),
    );
    for (const listed of operation.parameters) {
      const parameter = reader.resolve<Parameter>(listed);
      expect([path, parameter.name, parameter.description === ""]).toEqual([path, parameter.name, false]);
    }
  }
  expect(JSON.stringify(document)).not.toMatch(/"x-[a-z]/);
});

test("nothing refers to what is not there, and nothing is there that nobody refers to", () => {
  const text = JSON.stringify(document);
  const referred = new Set([...text.matchAll(/"\$ref":"#\/components\/([^"]+)"/g)].map(([, place]) => place));
  const { securitySchemes: _, ...components } = document.components;
  const there = Object.entries(components).flatMap(([kind, all]) => Object.keys(all).map((name) => `${kind}/${name}`));
  expect([...referred].sort()).toEqual(there.sort());
});

describe("generators of clients", () => {
  const { schemas } = document.components;
  const connectors = ConnectorConfigSchema.fields.map(({ name }) => name).sort();
  const named = ["ConnectionProfile", "CreateConnectionProfileRequest", "UpdateConnectionProfileBody"];
  const others = [
    "TestConnectionProfileRequest",
    "StreamConnectionProfileTestRequest",
    "DiscoverConnectionProfileRequest",
  ];

  test.each([...named, ...others])("find by its connector what %s is", (name) => {
    const { oneOf = [], discriminator } = schemas[name] ?? {};
    expect(discriminator?.propertyName).toBe("connector");
    const mapping = Object.entries(discriminator?.mapping ?? {});
    expect(mapping.map(([connector]) => connector).sort()).toEqual(connectors);
    const refs = oneOf.map(({ $ref }) => $ref);
    for (const [connector, ref] of mapping) {
      expect(refs).toContain(ref);
      const variant = reader.resolve<JsonSchema>({ $ref: ref });
      expect(variant.required).toContain("connector");
      expect(variant.properties?.connector).toMatchObject({ type: "string", enum: [connector] });
    }
    expect(new Set(refs).size).toBe(refs.length);
  });

  test("never read a profile as another connector's", () => {
    const { mapping = {} } = schemas.ConnectionProfile?.discriminator ?? {};
    const profile = (connector: string, config: object) => ({
      ...(examplesOf("/v1/connection_profiles/{id}", "get")[0] as JsonObject),
      connector,
      config,
    });
    const fits = (value: object) =>
      Object.entries(mapping).flatMap(([name, ref]) => (reader.faults(ref.slice(1), value).length === 0 ? [name] : []));
    expect(fits(profile("mysql", { host: "a.example", username: "ann" }))).toEqual(["mysql"]);
    expect(fits(profile("postgres", { host: "a.example", username: "ann" }))).toEqual(["postgres"]);
    expect(fits(profile("kafka", { host: "a.example", username: "ann" }))).toEqual([]);
    expect(fits(profile("redis", { address: "redis://a.example" }))).toEqual(["redis"]);
  });

  test("know every pattern, an address, and an example in the keyword that they read", () => {
    const text = JSON.stringify(document);
    for (const [, pattern = ""] of text.matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)) {
      const expression = JSON.parse(pattern) as string;
      expect(expression).not.toMatch(/\\[pP]\{/);
      expect(expression).toMatch(/^\^/);
      expect(() => new RegExp(expression)).not.toThrow();
      expect(() => new RegExp(expression, "u")).not.toThrow();
    }
    for (const { url } of document.servers) expect(new URL(url).origin).toBe(url);
    const walk = (part: unknown): void => {
      if (typeof part !== "object" || part === null) return;
      const { examples, example } = part as { examples?: unknown; example?: unknown };
      if (Array.isArray(examples)) expect(example).toEqual(examples[0]);
      for (const inner of Object.values(part)) walk(inner);
    };
    walk(document);
  });

  test("know what an event of a stream holds", () => {
    const streams = operations.filter(({ operation }) =>
      Object.hasOwn((operation.responses["200"] as Response | undefined)?.content ?? {}, "text/event-stream"),
    );
    expect(streams.length).toBeGreaterThan(1);
    for (const { operation } of streams) {
      const { content = {} } = operation.responses["200"] as Response;
      for (const { schema } of Object.values(content)) {
        const { discriminator, oneOf = [] } = reader.resolve<JsonSchema>(schema);
        const { message, error, done, heartbeat } = discriminator?.mapping ?? {};
        expect(oneOf.map(({ $ref }) => $ref)).toEqual([message, error, done, heartbeat]);
        const dataOf = ($ref = "") => reader.resolve<JsonSchema>({ $ref }).properties?.data;
        expect(dataOf(message)?.$ref).toMatch(/Response$/);
        expect(dataOf(error)?.$ref).toMatch(/Problem$/);
        expect(reader.faults(done?.slice(1) ?? "", { event: "done", id: "end", data: {} })).toEqual([]);
      }
    }
  });
});

test("has headers where they are taken, and nowhere else", () => {
  const headersOf = (id: string) => {
    const found = operations.find(({ operation }) => operation.operationId === id);
    const all = (found?.operation.parameters ?? []).map((listed) => reader.resolve<Parameter>(listed));
    return all.filter((parameter) => parameter.in === "header").map(({ name }) => name);
  };
  expect(headersOf("createConnection")).toEqual(["Idempotency-Key", "X-Request-Id", "Connect-Timeout-Ms"]);
  expect(headersOf("getConnectionProfile")).toEqual([
    "If-Match",
    "If-None-Match",
    "X-Request-Id",
    "Connect-Timeout-Ms",
  ]);
  expect(headersOf("updateConnectionProfile")).toEqual(["If-Match", "X-Request-Id", "Connect-Timeout-Ms"]);
  expect(headersOf("watchConnections")).toEqual(["Last-Event-ID", "X-Request-Id", "Connect-Timeout-Ms"]);
});

describe("errors", () => {
  const reasons = ErrorReasonSchema.values.filter(({ number }) => number !== 0).map(({ localName }) => localName);

  test("every reason is described, with its code and an example", () => {
    const { ErrorReason } = document.components.schemas;
    expect(ErrorReason?.enum).toEqual(expect.arrayContaining(reasons));
    for (const name of reasons)
      expect(ErrorReason?.description).toMatch(new RegExp(`- \`${name}\` \\([A-Z_]+\\): .+ Example: .+`));
  });

  test("every reason that somebody can see has an example body in each style, which fits its schema", () => {
    for (const style of ["Envelope", "Flat"]) {
      const seen = new Set<string>();
      for (const [name, response] of Object.entries(document.components.responses)) {
        if (!name.startsWith(style)) continue;
        const { examples = {} } = (response as Response).content?.["application/problem+json"] ?? {};
        for (const [reason, { value }] of Object.entries(examples)) {
          seen.add(reason);
          const place = `/components/responses/${name}/content/application~1problem+json/schema`;
          expect([name, reason, reader.faults(place, value)]).toEqual([name, reason, []]);
          expect(value).toMatchObject({ reason, status: Number(name.slice(-3)) });
        }
      }
      expect([...seen].sort()).toEqual(reasons.filter((reason) => reason !== "CANCELLED").sort());
    }
  });
});

describe("examples", () => {
  test("of requests fit their schema, and are requests that the server would read", () => {
    const check = createMessageCheck();
    let found = 0;
    for (const method of methods)
      for (const rule of httpRulesOf(method)) {
        const operation = document.paths[rule.path]?.[rule.verb.toLowerCase()];
        const { examples = {} } = operation?.requestBody?.content["application/json"] ?? {};
        for (const [name, { value }] of Object.entries(examples)) {
          found += 1;
          const place = `${reader.operation(rule.verb, rule.path).pointer}/requestBody/content/application~1json/schema`;
          expect([rule.path, name, reader.faults(place, value)]).toEqual([rule.path, name, []]);
          const fixed = rule.variables.map((field) => ({ field, value: "cp_0123456789", source: "the path" }));
          const parts = { bodyRule: rule.body, body: JSON.stringify(value), query: "", fixed };
          const rejectMember = (_field: unknown, member: string) => {
            throw new Error(member);
          };
          const message = decodeRequest(method.input, parts, { form: { wrapped: false }, rejectMember });
          check(method.input, message);
        }
      }
    expect(found).toBeGreaterThan(5 * ConnectorConfigSchema.fields.length);
  });

  test("of answers fit their schema", () => {
    for (const { path, verb, operation } of operations)
      for (const [status, listed] of Object.entries(operation.responses)) {
        const { content = {} } = reader.resolve<Response>(listed);
        const { examples = {} } = content["application/json"] ?? {};
        for (const { value } of Object.values(examples)) {
          const place = `${reader.operation(verb, path).pointer}/responses/${status}/content/application~1json/schema`;
          expect([path, reader.faults(place, value)]).toEqual([path, []]);
        }
      }
  });
});
