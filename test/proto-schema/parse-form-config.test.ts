import { expect, test } from "vitest";
import { HttpConfigSchema } from "../../gen/connectory/v1/http_config_pb.js";
import { KafkaConfigSchema } from "../../gen/connectory/v1/kafka_config_pb.js";
import { parseFormConfig } from "../../src/proto-schema/json-schema/parse-form-config.ts";

test("an option that was not taken is absent, where the empty object that is left would mean another thing", () => {
  const url = "https://a.example";
  const form = {
    url,
    authentication: {},
    tls: {},
    __meta: { authentication: { type: "None" }, tls: { type: "None" } },
  };
  expect(parseFormConfig(HttpConfigSchema, form)).toEqual({ url });
  expect(parseFormConfig(HttpConfigSchema, { url, tls: {} })).toEqual({ url, tls: {} });
  expect(parseFormConfig(HttpConfigSchema, { url, tls: {}, __meta: { tls: { type: "TLS" } } })).toEqual({
    url,
    tls: {},
  });
});

test("a choice inside a choice is taken out too", () => {
  const form = {
    bootstrap_servers: "a.example:9092",
    schema_registry: { endpoint: "https://b.example", tls: {} },
    __meta: { schema_registry: { type: "Schema registry", tls: { type: "None" } } },
  };
  expect(parseFormConfig(KafkaConfigSchema, form)).toEqual({
    bootstrap_servers: "a.example:9092",
    schema_registry: { endpoint: "https://b.example" },
  });
});

test("a choice that says None beside something that was typed loses nothing", () => {
  const form = { url: "https://a.example", tls: { ca: "pem" }, __meta: { tls: { type: "None" } } };
  expect(parseFormConfig(HttpConfigSchema, form)).toEqual({ url: "https://a.example", tls: { ca: "pem" } });
});

test("what is not a form's stays as it is, for the reader to refuse", () => {
  const url = "https://a.example";
  const basic = { username: "ann" };
  for (const config of [
    { url, authentication: { basic, other: {} } },
    { url, authentication: { basic }, basic },
    { url, authentication: "basic" },
    { url, unknown: { name: 1 } },
    { url, tls: null, headers: [] },
  ])
    expect(parseFormConfig(HttpConfigSchema, config)).toEqual(config);
  expect(parseFormConfig(HttpConfigSchema, { url, name: "mine", __meta: "x" })).toEqual({ url });
});

test("keys that objects have by themselves are keys like any other", () => {
  const hostile = JSON.parse(
    '{"url":"https://a.example","authentication":{"__proto__":{"basic":{}}},"__meta":{"__proto__":{"tls":{"type":"None"}}},"tls":{}}',
  );
  const read = parseFormConfig(HttpConfigSchema, hostile);
  expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  expect(read.tls).toEqual({});
  expect(JSON.stringify(read)).toContain('"authentication":{"__proto__"');
});
