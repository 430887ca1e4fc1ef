import { type DescMessage, fromJson, type JsonObject, toJson } from "@bufbuild/protobuf";
import { DescriptorProtoSchema, StructSchema, TypeSchema, UninterpretedOptionSchema } from "@bufbuild/protobuf/wkt";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { expect, test } from "vitest";
import { ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { createJsonSchemas } from "../../src/proto-schema/json-schema/json-schema.ts";
import { wellKnownSchema } from "../../src/proto-schema/json-schema/well-known-schema.ts";

function compile(message: DescMessage, direction: "input" | "output") {
  const schemas = createJsonSchemas({ names: "json", direction, ref: (name) => `#/$defs/${name}` });
  const schema = { ...schemas.of(message), $defs: schemas.definitions() };
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true });
  formats.default(ajv);
  return ajv.compile<JsonObject>(schema);
}

test("numbers of 64 bits, fractions and bytes are as protobuf JSON writes and reads them", () => {
  const validate = compile(UninterpretedOptionSchema, "input");
  const right: JsonObject[] = [
    { positiveIntValue: "18446744073709551615", negativeIntValue: "-1", doubleValue: 1.5, stringValue: "aGk=" },
    { positiveIntValue: 7, negativeIntValue: -7, doubleValue: "NaN" },
    { doubleValue: "-Infinity" },
  ];
  const wrong: JsonObject[] = [
    { positiveIntValue: "-1" },
    { negativeIntValue: "1.5" },
    { negativeIntValue: 1.5 },
    { doubleValue: "much" },
    { stringValue: 7 },
    { identifierValue: true },
  ];
  for (const json of right) {
    fromJson(UninterpretedOptionSchema, json);
    expect([json, validate(json)]).toEqual([json, true]);
  }
  for (const json of wrong) {
    expect(() => fromJson(UninterpretedOptionSchema, json)).toThrow();
    expect([json, validate(json)]).toEqual([json, false]);
  }
});

test("a message that contains itself is a definition that refers to itself", () => {
  const json = toJson(DescriptorProtoSchema, ConnectorConfigSchema.proto) as JsonObject;
  const nested = { ...json, nestedType: [json] };
  const validate = compile(DescriptorProtoSchema, "input");
  expect([validate(nested), validate.errors]).toEqual([true, null]);
  expect(validate({ ...json, nestedType: [{ name: 7 }] })).toBe(false);
});

test("well-known messages have their own forms, wherever they stand", () => {
  const type = { name: "T", options: [{ name: "o", value: { "@type": "type.googleapis.com/google.protobuf.Empty" } }] };
  const validate = compile(TypeSchema, "input");
  expect([validate(type), validate.errors]).toEqual([true, null]);
  expect(validate({ options: [{ value: { no: "type" } }] })).toBe(false);
  expect(wellKnownSchema(StructSchema, "json", "input")).toEqual({ type: "object", additionalProperties: true });
  expect(wellKnownSchema(TypeSchema, "json", "input")).toBeUndefined();
});
