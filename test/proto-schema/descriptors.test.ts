import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type DescExtension,
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescService,
  getOption,
  hasOption,
} from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate as publishedFile } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import {
  type FieldRules,
  field as fieldRules,
  file_buf_validate_validate as ourFile,
} from "../../gen/buf/validate/validate_pb.js";
import { access } from "../../gen/connectory/options/v1/access_pb.js";
import { destination, secret } from "../../gen/connectory/options/v1/field_pb.js";
import { mcp_tool } from "../../gen/connectory/options/v1/mcp_tool_pb.js";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { http } from "../../gen/google/api/annotations_pb.js";
import { codeOfReason } from "../../src/errors/reason-codes.ts";
import { ruleOf } from "../../src/proto-schema/field-options.ts";

const services: DescService[] = [ConnectionProfileService, ConnectionService];
const methods = services.flatMap((service) => service.methods);

/** A tool has to end some time: what watches is no tool. */
const isEndless = ({ methodKind, name }: DescMethod) => methodKind === "server_streaming" && /^Watch[A-Z]/.test(name);

describe.each(methods.map((method) => [`${method.parent.name}.${method.name}`, method] as const))(
  "%s",
  (_name, method) => {
    test("says who may call it, under which path, and as which tool", () => {
      const rule = getOption(method, access);
      expect(rule.public).toBe(false);
      expect(rule.permission).toMatch(/^(connections|profiles)\.(read|write|test|expunge)$/);
      expect(hasOption(method, http)).toBe(true);
      const { pattern } = getOption(method, http);
      expect(pattern.value).toMatch(/^\/v1\/(connections|connection_profiles|connectors)/);
      if (isEndless(method)) expect(hasOption(method, mcp_tool)).toBe(false);
      else expect(getOption(method, mcp_tool).name).toBe(method.localName);
    });

    test("is a read exactly when its permission, its HTTP method and its idempotency say so", () => {
      const isRead = getOption(method, access).permission.endsWith(".read");
      const { pattern } = getOption(method, http);
      // What asks for more than fits into a query is a POST with a handler of its own.
      const asksByPost = isRead && pattern.case === "post" && /:[a-z][A-Za-z]*$/.test(pattern.value);
      expect(pattern.case === "get" || asksByPost).toBe(isRead);
      expect(method.idempotency === Idempotency.NO_SIDE_EFFECTS).toBe(isRead);
    });
  },
);

test("tool names are unique and at most 64 characters", () => {
  const names = methods.filter((method) => !isEndless(method)).map((method) => getOption(method, mcp_tool).name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name.length).toBeLessThanOrEqual(64);
});

test("every pattern is said in words: a caller never reads a regular expression", () => {
  const requests = services.flatMap(({ methods }) => methods.map(({ input }) => input));
  const seen = new Set<DescMessage>();
  const fields = (message: DescMessage): DescField[] => {
    if (seen.has(message)) return [];
    seen.add(message);
    return message.fields.flatMap((field) => [field, ...(field.message === undefined ? [] : fields(field.message))]);
  };
  let patterns = 0;
  const check = (rules: FieldRules | undefined, words: string, place: string) => {
    if (rules?.type.case !== "string" || rules.type.value.pattern === "") return;
    patterns += 1;
    expect([place, words]).toEqual([place, expect.stringMatching(/\bmust (not )?(be|hold) /)]);
  };
  for (const field of requests.flatMap(fields)) {
    const rules = getOption(field, fieldRules);
    check(rules, ruleOf(field), String(field));
    if (rules.type.case === "repeated") check(rules.type.value.items, ruleOf(field), String(field));
    if (rules.type.case !== "map") continue;
    check(rules.type.value.keys, ruleOf(field, "key"), `${field} key`);
    check(rules.type.value.values, ruleOf(field), `${field} value`);
  }
  expect(patterns).toBeGreaterThan(30);
});

describe("connector configurations", () => {
  const members = ConnectorConfigSchema.fields.map((field) => field.message).filter((message) => message !== undefined);
  const fields = (message: DescMessage): DescField[] =>
    message.fields.flatMap((field) => [field, ...(field.message === undefined ? [] : fields(field.message))]);

  /** Fields that sound secret and are not: ids that travel in clear, and messages with the secret in them. */
  const harmless = [
    "ConfluentConfig.key",
    "SchemaRegistryConfig.api_key",
    "KafkaMskIam.access_key_id",
    "S3Config.access_key_id",
    "KafkaSasl.oauth_token_endpoint",
    "NatsConfig.password",
    "NatsConfig.token",
    "NatsConfig.jwt",
  ];

  test.each(members.map((message) => [message.name, message] as const))(
    "%s: a secret is text and no destination, and nothing else sounds like one",
    (_name, message) => {
      for (const field of fields(message)) {
        const name = `${field.parent.name}.${field.name}`;
        const sounds = /password|secret|token|key|private|seed|jwt|headers/.test(field.name);
        const isSecret = getOption(field, secret);
        if (sounds) expect([name, isSecret]).toEqual([name, !harmless.includes(name)]);
        if (isSecret) expect([name, sounds, field.scalar !== undefined]).toEqual([name, true, true]);
        expect(isSecret && getOption(field, destination)).toBe(false);
      }
      expect(fields(message).some((field) => getOption(field, destination))).toBe(true);
    },
  );

  test("TLS that may be switched on or off is a destination itself, wherever it stands", () => {
    const places = members.flatMap(fields).filter((field) => field.message?.name === "TlsConfig");
    expect(places.length).toBeGreaterThan(12);
    for (const place of places) expect([String(place), getOption(place, destination)]).toEqual([String(place), true]);
  });
});

describe("the error reasons", async () => {
  const source = await readFile(join(import.meta.dirname, "../../proto/connectory/v1/error_reason.proto"), "utf8");

  test("have the status code that their comments say", () => {
    const said = [...source.matchAll(/\/\/ ([A-Z_]+)\.[^\n]*\n(?: *\/\/[^\n]*\n)* *ERROR_REASON_([A-Z_]+) =/g)];
    expect(said).toHaveLength(Object.keys(codeOfReason).length - 1);
    for (const [, status = "", name = ""] of said) {
      const code = codeOfReason[ErrorReason[name as keyof typeof ErrorReason]];
      expect([name, Code[code].replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase()]).toEqual([
        name,
        status.replace("CANCELLED", "CANCELED"),
      ]);
    }
  });
});

test("every error reason has an example", async () => {
  const source = await readFile(join(import.meta.dirname, "../../proto/connectory/v1/error_reason.proto"), "utf8");
  const comments = [...source.matchAll(/((?: *\/\/[^\n]*\n)+) *ERROR_REASON_([A-Z_]+) =/g)];
  const without = comments.filter(([, comment = ""]) => !comment.includes("Example: ")).map(([, , name]) => name);
  expect(without).toEqual(["UNSPECIFIED"]);
});

describe("our copy of buf.validate's declarations", () => {
  const shape = (field: DescField | DescExtension) => ({
    name: field.name,
    number: field.number,
    kind: field.fieldKind,
    type: field.fieldKind === "scalar" ? field.scalar : (field.message ?? field.enum)?.typeName,
    oneof: field.kind === "field" ? field.oneof?.name : undefined,
    repeated: field.fieldKind === "list" ? field.listKind : undefined,
  });
  const declarations = (file: typeof ourFile) => {
    const found = new Map<string, unknown>();
    for (const type of nestedTypes(file)) {
      if (type.kind === "message")
        for (const field of type.fields) found.set(`${type.typeName}.${field.name}`, shape(field));
      if (type.kind === "enum")
        for (const value of type.values) found.set(`${type.typeName}.${value.name}`, value.number);
      if (type.kind === "extension") found.set(type.typeName, { ...shape(type), extendee: type.extendee.typeName });
    }
    return found;
  };

  test("is the published one, number for number", () => {
    const published = declarations(publishedFile);
    const ours = declarations(ourFile);
    expect(ours.size).toBeGreaterThan(30);
    for (const [name, declaration] of ours) expect([name, declaration]).toEqual([name, published.get(name)]);
  });
});
