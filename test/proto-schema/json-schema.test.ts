import {
  create,
  type DescField,
  type DescMessage,
  fromJson,
  getOption,
  type JsonObject,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { describe, expect, test } from "vitest";
import { Ignore, field as rulesOf } from "../../gen/buf/validate/validate_pb.js";
import { ConnectionProfileSchema } from "../../gen/connectory/v1/connection_profile_pb.js";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { ApiError } from "../../src/errors/api-error.ts";
import { createMessageCheck } from "../../src/interceptors/validate.ts";
import { createJsonSchemas } from "../../src/proto-schema/json-schema/json-schema.ts";
import type { JsonSchema } from "../../src/proto-schema/json-schema/keywords.ts";
import { fullConfigs } from "../connection-profiles/full-configs.ts";
import { mutateJson } from "./mutate-json.ts";
import { memberChoices, sampleMessage } from "./sample-message.ts";

const methods = [...ConnectionService.methods, ...ConnectionProfileService.methods];
const checkMessage = createMessageCheck();

/** What the server says: protobuf's own reader, then the rules. */
function serverAccepts(message: DescMessage, json: JsonObject): boolean {
  try {
    checkMessage(message, fromJson(message, json));
    return true;
  } catch {
    return false;
  }
}

function compile(message: DescMessage, direction: "input" | "output", adapt = (schema: JsonSchema) => schema) {
  const schemas = createJsonSchemas({ names: "json", direction, ref: (name) => `#/$defs/${name}` });
  const root = adapt(schemas.of(message));
  const definitions = Object.entries(schemas.definitions()).map(([name, schema]) => [name, adapt(schema)]);
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true });
  formats.default(ajv);
  return ajv.compile<JsonObject>({ ...root, $defs: Object.fromEntries(definitions) });
}

/** A value fits a field when a message with nothing else has nothing to complain of at this field. */
function fits(field: DescField, value: unknown): boolean {
  try {
    checkMessage(field.parent, fromJson(field.parent, { [field.name]: value as string }));
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return !(error.detail.fieldViolations ?? []).some((violation) => violation.field === field.name);
  }
}

/** What the rules are not held against at once: the whole that edits lead to is checked later, each of a batch alone. */
const unruled = (message: DescMessage) =>
  message.fields
    .filter((field) => {
      const { ignore, type } = getOption(field, rulesOf);
      return ignore === Ignore.ALWAYS || (type.case === "repeated" && type.value.items?.ignore === Ignore.ALWAYS);
    })
    .map((field) => field.jsonName);

/** What protobuf's reader takes in more forms than the one that it writes: `" "` for a number. */
const isLoose = (field: DescField | undefined) =>
  field?.message?.typeName === "google.protobuf.FieldMask" || field?.scalar === ScalarType.INT64;

describe.each(methods.map((method) => [method.name, method.input] as const))("the request of %s", (_name, input) => {
  const validate = compile(input, "input");
  const choices = input.fields.some(({ message }) => message === ConnectorConfigSchema)
    ? memberChoices
    : memberChoices.slice(0, 1);
  const outside = unruled(input);
  const loose = input.fields.filter(isLoose).map((field) => field.jsonName);

  test("is valid by its schema exactly when the server takes it", () => {
    const tally = { accepted: 0, refused: 0 };
    for (const members of choices) {
      const sample = sampleMessage(input, fits, members);
      expect([sample, serverAccepts(input, sample), validate(sample), validate.errors]).toEqual([
        sample,
        true,
        true,
        null,
      ]);
      for (const { path, what, json } of mutateJson(sample)) {
        const server = serverAccepts(input, json);
        const schema = validate(json);
        tally[server ? "accepted" : "refused"] += 1;
        // There the schema may say more than the first look of the server does, never less.
        if (server && (loose.includes(path) || outside.some((name) => path.startsWith(`${name}.`)))) continue;
        expect([path, what, schema]).toEqual([path, what, server]);
      }
    }
    if (input.fields.length > 0) {
      expect(tally.refused).toBeGreaterThan(3);
    }
  });
});

test("full configurations: the schema and the server agree, whole and with any one field left out", () => {
  const validate = compile(ConnectorConfigSchema, "input");
  for (const connector of fullConfigs) {
    const json = toJson(ConnectorConfigSchema, create(ConnectorConfigSchema, { connector })) as JsonObject;
    for (const each of [json, ...[...mutateJson(json)].filter(({ what }) => what === "left out").map((m) => m.json)])
      expect([each, validate(each)]).toEqual([each, serverAccepts(ConnectorConfigSchema, each)]);
  }
});

test("two members of a oneof are refused, and so is none where one is required", () => {
  const validate = compile(ConnectorConfigSchema, "input");
  const redis = { address: "redis://a.example:6379" };
  expect(validate({ redis })).toBe(true);
  expect(validate({ redis, iceberg: { url: "https://a.example" } })).toBe(false);
  expect(validate({})).toBe(false);
  const http = (log: JsonObject) => validate({ http: { url: "https://a.example", ...log } });
  expect(http({ basic: { username: "ann" } })).toBe(true);
  expect(http({ basic: { username: "ann" }, bearer: { token: "t" } })).toBe(false);
});

describe("an answer", () => {
  const closed = (schema: JsonSchema): JsonSchema =>
    schema.properties === undefined ? schema : { ...schema, additionalProperties: false };

  test.each(methods.map((method) => [method.name, method.output] as const))(
    "of %s has every field that its schema requires, and no other",
    (_name, output) => {
      const validate = compile(output, "output", closed);
      const options = { alwaysEmitImplicit: true };
      const empty = toJson(output, create(output), options);
      expect([validate(empty), validate.errors]).toEqual([true, null]);
      const without = (name: string) =>
        Object.fromEntries(Object.entries(empty as JsonObject).filter(([key]) => key !== name));
      for (const name of Object.keys(empty as JsonObject))
        expect([name, validate(without(name))]).toEqual([name, false]);
    },
  );

  test("has no place for a secret", () => {
    const schemas = createJsonSchemas({ names: "json", direction: "output", ref: (name) => name });
    schemas.of(ConnectionProfileSchema);
    const { KafkaSasl, HttpConfig } = schemas.definitions();
    expect(Object.keys(KafkaSasl?.properties ?? {})).toContain("username");
    expect(Object.keys(KafkaSasl?.properties ?? {})).not.toContain("password");
    // The names of secret headers come back, without their values.
    expect(HttpConfig?.properties?.headers?.additionalProperties).toEqual({ type: "string", maxLength: 0 });
  });
});

test("names are those asked for, comments become descriptions, secrets are marked", () => {
  const schemas = createJsonSchemas({
    names: "proto",
    direction: "input",
    ref: (name) => `#/components/schemas/${name}`,
  });
  const { properties } = schemas.of(ConnectionProfileService.method.createConnectionProfile.input);
  expect(properties.request_id?.description).toMatch(/^A UUID that the caller makes for this profile/);
  expect(properties.config?.$ref).toBe("#/components/schemas/ConnectorConfig");
  const { KafkaSasl, KafkaConfig } = schemas.definitions();
  expect(KafkaSasl?.properties?.password).toMatchObject({ type: "string", writeOnly: true, maxLength: 16_384 });
  expect(KafkaSasl?.properties?.mechanism?.enum).toContain("SCRAM-SHA-512");
  expect(KafkaConfig?.properties?.bootstrap_servers?.description).toContain("It must be host:port, comma separated");
});
