import { create, type DescMessage, type JsonObject, toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  CreateConnectionProfileRequestSchema,
  ListConnectionProfilesRequestSchema,
  UpdateConnectionProfileRequestSchema,
} from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../../src/errors/api-error.ts";
import { decodeRequest, type FixedField } from "../../../src/server/rest/request/decode-request.ts";

const rejectMember = (_field: unknown, name: string) => new ApiError(ErrorReason.CONNECTOR_UNKNOWN, name);

function decode(schema: DescMessage, body: unknown, { query = "", fixed = [] as FixedField[] } = {}) {
  const form = { wrapped: false };
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return decodeRequest(schema, { bodyRule: text === "" ? "" : "*", body: text, query, fixed }, { form, rejectMember });
}

function failure(...input: Parameters<typeof decode>): Record<string, string> | string {
  try {
    decode(...input);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const violations = error.detail.fieldViolations ?? [];
    if (violations.length === 0) return error.message;
    return Object.fromEntries(violations.map(({ field, description }) => [field, description]));
  }
  throw new Error("it should have failed");
}

const profile = CreateConnectionProfileRequestSchema;
const config = { bootstrap_servers: "a:1" };
const read = (body: unknown) => toJson(profile, create(profile, decode(profile, body) as never)) as JsonObject;

describe("a configuration", () => {
  const expected = { name: "n", connector: "kafka", config: { kafka: { bootstrapServers: "a:1" } } };

  test("is of the connector that is named beside it, and may also stand in its own member", () => {
    expect(read({ name: "n", connector: "kafka", config })).toEqual(expected);
    expect(read({ name: "n", connector: "kafka", config: { bootstrapServers: "a:1" } })).toEqual(expected);
    expect(read({ name: "n", connector: "kafka", config: { kafka: config } })).toEqual(expected);
    expect(read({ name: "n", config: { kafka: config } })).toEqual({ ...expected, connector: undefined });
    expect(read({ name: "n", connector: null, config: { kafka: config } })).toEqual({
      ...expected,
      connector: undefined,
    });
  });

  test("may have the keys that forms add, and no others", () => {
    const extra = { name: "n", __meta: { a: [1] } };
    expect(read({ name: "n", connector: "kafka", config: { ...config, ...extra } })).toEqual(expected);
    expect(read({ name: "n", config: { kafka: { ...config, ...extra }, ...extra } })).toEqual({
      ...expected,
      connector: undefined,
    });
    expect(failure(profile, { name: "n", __meta: 1, connector: "kafka", config: { ...config, nmae: 1 } })).toEqual({
      "config.kafka.nmae": expect.stringMatching(/^there is no such field: known here are bootstrap_servers, /),
      __meta:
        "there is no such field: known here are name, connector, config, labels, request_id, validate_only, validation_mode",
    });
  });

  test("without its connector says where that belongs", () => {
    expect(failure(profile, { name: "n", config })).toEqual({
      "config.bootstrap_servers": expect.stringContaining("say in connector"),
    });
  });

  test("of no known connector is for the verb's own error", () => {
    expect(failure(profile, { name: "n", connector: "kafak", config })).toBe("kafak");
  });

  test("of two connectors is refused", () => {
    expect(failure(profile, { config: { kafka: config, redis: {} } })).toEqual({
      "config.connector": "only one of kafka, redis can be given",
    });
  });
});

describe("JSON", () => {
  test("of the wrong type is named by the paths of all its fields, and not quoted", () => {
    const broken = {
      name: { a: "hunter2" },
      connector: "kafka",
      config: { bootstrap_servers: 5, sasl: { password: ["hunter2"], protocol: 7 }, schema_registry: "x" },
      labels: { a: 1, b: "ok" },
      validation_mode: "X",
    };
    const found = failure(profile, broken) as Record<string, string>;
    expect(Object.keys(found).sort()).toEqual([
      "config.kafka.bootstrap_servers",
      "config.kafka.sasl.password",
      "config.kafka.sasl.protocol",
      "config.kafka.schema_registry",
      'labels["a"]',
      "name",
      "validation_mode",
    ]);
    expect(JSON.stringify(found)).not.toContain("hunter2");
  });

  test.each([
    ["{", "the body is not JSON: line 1, column 2: it ends inside an object: a } is missing"],
    ["[]", "the body must be a JSON object"],
    ["null", "the body must be a JSON object"],
    ['"x"', "the body must be a JSON object"],
    ["[".repeat(100_000), "the request is nested more than 32 deep"],
    [`${"[".repeat(100_000)}${"]".repeat(100_000)}`, "the request is nested more than 32 deep"],
  ])("%.30s is refused", (body, message) => {
    expect(failure(profile, body)).toBe(message);
  });

  test("with a key twice in one object is refused with its path", () => {
    expect(failure(profile, '{"name":"a","name":"b"}')).toEqual({ name: "is given twice: give it once" });
    const label = '{"labels":{"a":"1","\\u0061":"2"}}';
    expect(failure(profile, label)).toEqual({ "labels.a": "is given twice: give it once" });
  });

  test("with __proto__ or a field under both its names is refused, as is nesting without end", () => {
    expect(failure(profile, '{"__proto__":{"name":"a"}}')).toEqual({
      ["__proto__"]:
        "there is no such field: known here are name, connector, config, labels, request_id, validate_only, validation_mode",
    });
    expect(failure(profile, '{"request_id":"a","requestId":"b"}')).toEqual({
      request_id: "is given twice, under its two names",
    });
    const deep = `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`;
    expect(failure(profile, `{"labels":${deep}}`)).toBe("the request is nested more than 32 deep");
    const quoted = { name: `${"[".repeat(40)}\\"{` };
    expect(decode(profile, quoted)).toMatchObject(quoted);
  });

  test("may have a label named __proto__: it is a name like any other, for the rules to judge", () => {
    const { labels } = decode(profile, '{"labels":{"__proto__":"x"}}') as unknown as { labels: object };
    expect(Object.getOwnPropertyDescriptor(labels, "__proto__")?.value).toBe("x");
  });
});

describe("a field mask", () => {
  const update = UpdateConnectionProfileRequestSchema;
  const paths = (body: JsonObject) =>
    (decode(update, body) as unknown as { updateMask: { paths: string[] } }).updateMask.paths;

  test("has the names of the body, and gets the connector that is named", () => {
    expect(paths({ update_mask: "name,config.sasl.password", connector: "kafka" })).toEqual([
      "name",
      "config.kafka.sasl.password",
    ]);
    expect(paths({ updateMask: "config.bootstrapServers", connector: "kafka" })).toEqual([
      "config.kafka.bootstrap_servers",
    ]);
    expect(paths({ update_mask: "config.kafka.bootstrap_servers", connector: "kafka" })).toEqual([
      "config.kafka.bootstrap_servers",
    ]);
    expect(paths({ update_mask: "config.kafka.bootstrapServers" })).toEqual(["config.kafka.bootstrap_servers"]);
    expect(paths({ update_mask: "config,nope.a_1" })).toEqual(["config", "nope.a_1"]);
  });

  test("that is no text is refused", () => {
    expect(failure(update, { update_mask: { paths: ["name"] } })).toEqual({
      update_mask: expect.stringContaining("commas"),
    });
  });
});

describe("a query", () => {
  const list = ListConnectionProfilesRequestSchema;
  const fields = (query: string) => decode(list, "", { query });

  test("fills fields by either name, percent-encoded", () => {
    expect(fields("page_size=5&showDeleted=true&filter=name+%3D+%22%C3%A4%22")).toMatchObject({
      pageSize: 5,
      showDeleted: true,
      filter: 'name = "ä"',
    });
    expect(fields("pageRowCount=7&")).toMatchObject({ pageSize: 7 });
  });

  test("that does not fit is named", () => {
    const known = "known here are page_size, page_token, filter, order_by, show_deleted";
    expect(failure(list, "", { query: "page_size=many&show_deleted=1" })).toEqual({
      page_size: "must be a whole number that fits",
      show_deleted: "must be true or false",
    });
    expect(failure(list, "", { query: "nope=1&page_size=1&pageSize=2&__proto__=3&page_size.x=1" })).toEqual({
      nope: `there is no such parameter: ${known}`,
      pageSize: "is given more than once",
      ["__proto__"]: `there is no such parameter: ${known}`,
      "page_size.x": "there is no such parameter",
    });
    expect(failure(list, "", { query: "filter=%ff" })).toBe("the query is not percent-encoded UTF-8");
    expect(failure(profile, { name: "n" }, { query: "validate_only=true" })).toEqual({
      validate_only: expect.stringContaining("go into the body"),
    });
  });

  test("with thousands of unknown parameters costs no search for each of them", () => {
    const query = Array.from({ length: 20_000 }, (_, index) => `page_sice${index}=1`).join("&");
    const found = failure(list, "", { query }) as Record<string, string>;
    expect(Object.keys(found)).toHaveLength(16);
    const named = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`nmae${index}`, 1]));
    expect(Object.keys(failure(profile, named) as object)).toHaveLength(16);
  });

  test("reaches maps and nested fields by dots or brackets", () => {
    const labelled = (query: string) =>
      decodeRequest(profile, { bodyRule: "", body: "", query, fixed: [] }, { form: { wrapped: false }, rejectMember });
    expect(labelled("labels.team=data&labels[tier.x]=1")).toMatchObject({ labels: { team: "data", "tier.x": "1" } });
    expect(labelled("config.kafka.bootstrap_servers=a:1")).toMatchObject({
      config: { connector: { case: "kafka", value: { bootstrapServers: "a:1" } } },
    });
    expect(labelled("validation_mode=2")).toMatchObject({ validationMode: 2 });
  });
});

describe("what path and headers say", () => {
  const fixed = [{ field: "name", value: "n", source: "the path" }];

  test("wins, and may be repeated", () => {
    expect(decode(profile, {}, { fixed })).toMatchObject({ name: "n" });
    expect(decode(profile, { name: "n" }, { fixed })).toMatchObject({ name: "n" });
  });

  test("may not be contradicted", () => {
    expect(failure(profile, { name: "other" }, { fixed })).toEqual({ name: "says something else than the path does" });
  });

  test("replaces what was given when it has no source", () => {
    expect(decode(profile, { name: "other" }, { fixed: [{ field: "name", value: "n" }] })).toMatchObject({
      name: "n",
    });
  });
});
