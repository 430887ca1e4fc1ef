import { create, fromJson, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import Form from "@rjsf/core";
import type { RJSFSchema } from "@rjsf/utils";
import validator from "@rjsf/validator-ajv8";
import { Ajv2019 } from "ajv/dist/2019.js";
import formats from "ajv-formats";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { describe, expect, test, vi } from "vitest";
import { ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { splitSecrets } from "../../src/connection-profiles/config/secret-fields.ts";
import { toConnectorMessage } from "../../src/connectors/connector-message.ts";
import { toFieldMessages } from "../../src/connectors/field-messages.ts";
import { connectors, findConnector } from "../../src/connectors/registry.ts";
import type { Connector } from "../../src/connectors/sdk/connector.ts";
import { parseFormConfig } from "../../src/proto-schema/json-schema/parse-form-config.ts";
import { removeSecretMasks, secretMask, toFormConfig } from "../../src/proto-schema/json-schema/to-form-config.ts";
import { fullConfigs } from "../connection-profiles/full-configs.ts";
import { canaryPrefix } from "../support/canary.ts";
import { fillForm } from "./fill-form.ts";

/** The schema as a caller gets it: text. */
const schemaOf = (id: string) => {
  const connector = findConnector(connectors, id);
  if (connector === undefined) throw new Error(id);
  return JSON.parse(toConnectorMessage(connector).connectionConfig) as JsonObject;
};

/** The validator of the web form that the schemas are for: strict, with one keyword more. */
const compile = (id: string) => {
  const ajv = new Ajv2019({ strict: true, allErrors: true });
  ajv.addKeyword("sensitive");
  formats.default(ajv);
  return ajv.compile<JsonObject>(schemaOf(id));
};

/** A form with masks for its secrets, which are canaries, and how many there are. A form fills in switches that are off. */
const withMasks = (form: JsonObject) => {
  let masks = 0;
  const joined = JSON.parse(JSON.stringify(form), (_key, value) => {
    if (value === false) return undefined;
    if (typeof value !== "string" || !value.startsWith(canaryPrefix)) return value;
    masks += 1;
    return secretMask;
  });
  return { joined, masks };
};

/** The paths of every value in a document that holds no other. */
const leaves = (json: JsonValue, path: string): string[] =>
  typeof json === "object" && json !== null
    ? Object.entries(json).flatMap(([key, value]) => leaves(value as JsonValue, `${path}_${key}`))
    : [path];

const cases = fullConfigs.map((connector, index) => {
  const wrapped = toJson(ConnectorConfigSchema, create(ConnectorConfigSchema, { connector }), {
    useProtoFieldName: true,
  }) as Record<string, JsonObject>;
  const config = Object.values(wrapped)[0] as JsonObject;
  return [`${index} ${connector.case}`, connector.case, config] as const;
});

describe.each(cases)("the form of %s", (_name, id, config) => {
  const schema = schemaOf(id);
  const message = findConnector(connectors, id)?.config;
  if (message === undefined) throw new Error(id);
  const form = fillForm(schema, config);

  test("has what was typed accepted by its schema and, without what is the form's own, by the contract", () => {
    const validate = compile(id);
    expect([validate({ ...form, name: "mine" }), validate.errors]).toEqual([true, null]);
    const read = parseFormConfig(message, { ...form, name: "mine" });
    expect(toJson(message, fromJson(message, read), { useProtoFieldName: true })).toEqual(config);
  });

  test("is what a stored configuration becomes again, with a mask in place of each secret, and back", () => {
    const { config: bare, secrets } = splitSecrets(message, fromJson(message, config));
    const stored = toJson(message, bare, { useProtoFieldName: true }) as JsonObject;
    const read = toFormConfig(message, stored, (path) => secrets.has(path));
    const validate = compile(id);
    expect([validate({ name: "mine", ...read }), validate.errors]).toEqual([true, null]);
    const { joined, masks } = withMasks(form);
    expect(read).toEqual(joined);
    expect(masks).toBe(secrets.size);
    expect(removeSecretMasks(message, parseFormConfig(message, read))).toEqual(stored);
  });

  test("is rendered by a form generator with an input for every field, and without a complaint", () => {
    const complaints = vi.spyOn(console, "error");
    const { __meta: _, ...formData } = form;
    const html = renderToString(createElement(Form, { schema: schema as RJSFSchema, validator, formData }));
    const inputs = new Set(
      [...html.matchAll(/<(?:input|select|textarea)[^>]* id="([^"]+)"/g)].map(([, found]) => found),
    );
    for (const path of leaves(formData, "root")) expect([path, inputs.has(path)]).toEqual([path, true]);
    expect(validator.validateFormData(formData, schema as RJSFSchema).errors).toEqual([]);
    expect(complaints.mock.calls).toEqual([]);
    complaints.mockRestore();
  });
});

describe.each(Object.values<Connector>(connectors).map((connector) => [connector.id, connector] as const))(
  "the schema of %s",
  (id, connector) => {
    test("has a title for everything, and lists the secrets and nothing else as sensitive", () => {
      const sensitive: string[] = [];
      const walk = (schema: JsonObject) => {
        expect(schema).toHaveProperty("title", expect.stringMatching(/^[A-Z][A-Za-z0-9 ]*$/));
        const properties = (schema.properties ?? {}) as Record<string, JsonObject>;
        sensitive.push(...((schema.sensitive ?? []) as string[]));
        for (const name of (schema.sensitive ?? []) as string[]) expect(Object.keys(properties)).toContain(name);
        for (const inner of [...Object.values(properties), ...((schema.oneOf ?? []) as JsonObject[])]) walk(inner);
      };
      walk(schemaOf(id));
      const secrets = toFieldMessages(connector.config).filter((field) => field.secret);
      expect(sensitive.sort()).toEqual(secrets.map(({ path }) => path.split(".").at(-1)).sort());
    });

    test("has no type beside a choice, without which a form shows the choice", () => {
      const choices: string[] = [];
      const walk = (schema: JsonObject) => {
        if (schema.oneOf !== undefined) {
          choices.push(String(schema.title));
          expect(Object.keys(schema).sort()).toEqual(["description", "oneOf", "title"]);
          for (const option of schema.oneOf as JsonObject[]) expect(option).toMatchObject({ type: "object" });
        }
        for (const inner of Object.values((schema.properties ?? {}) as Record<string, JsonObject>)) walk(inner);
        for (const inner of (schema.oneOf ?? []) as JsonObject[]) walk(inner);
      };
      walk(schemaOf(id));
      expect(choices).toContain("TLS");
    });

    test("refuses what the contract refuses", () => {
      const validate = compile(id);
      const { required = [] } = schemaOf(id);
      for (const name of required as string[]) expect([name, validate({ [name]: "" })]).toEqual([name, false]);
      expect(validate({ tls: { insecure_skip_verify: "yes" } })).toBe(false);
    });
  },
);

test("a password stays in an input of one line, which forms can hide, and a key has room for its lines", () => {
  const schema = schemaOf("http");
  expect(schema).toHaveProperty("properties.tls.oneOf.1.properties.key.maxLength", 65_536);
  expect(schema).not.toHaveProperty("properties.url.maxLength");
  expect(schema).not.toHaveProperty("properties.authentication.oneOf.1.properties.basic.properties.password.maxLength");
});
