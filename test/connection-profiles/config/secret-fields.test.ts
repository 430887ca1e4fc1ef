import { create, createFileRegistry, type MessageInitShape, setExtension } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import {
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { secret } from "../../../gen/connectory/options/v1/field_pb.js";
import {
  joinSecrets,
  secretFields,
  secretPaths,
  splitSecrets,
} from "../../../src/connection-profiles/config/secret-fields.ts";

const isSecret = create(FieldOptionsSchema);
setExtension(isSecret, secret, true);
const { STRING, BYTES, MESSAGE } = FieldDescriptorProto_Type;
const { REPEATED, OPTIONAL } = FieldDescriptorProto_Label;
type FieldInit = MessageInitShape<typeof FieldDescriptorProtoSchema>;

function field(number: number, name: string, more: Partial<FieldInit> = {}): FieldInit {
  return { type: STRING, label: OPTIONAL, ...more, number, name, jsonName: name } as FieldInit;
}

const entryOf = (name: string, value: Partial<FieldDescriptorProto>) => ({
  name,
  options: { mapEntry: true },
  field: [field(1, "key"), field(2, "value", value)],
});

/** Shapes that no connector has yet: secrets in lists, in maps, in messages in lists and maps, in bytes, in a oneof. */
const file = create(FileDescriptorProtoSchema, {
  name: "shapes.proto",
  package: "shapes",
  syntax: "proto3",
  messageType: [
    { name: "Header", field: [field(1, "name"), field(2, "value", { options: isSecret })] },
    {
      name: "Shapes",
      oneofDecl: [{ name: "auth" }],
      nestedType: [entryOf("KeysEntry", {}), entryOf("ByNameEntry", { type: MESSAGE, typeName: ".shapes.Header" })],
      field: [
        field(1, "tokens", { label: REPEATED, options: isSecret }),
        field(2, "keys", { label: REPEATED, type: MESSAGE, typeName: ".shapes.Shapes.KeysEntry", options: isSecret }),
        field(3, "headers", { label: REPEATED, type: MESSAGE, typeName: ".shapes.Header" }),
        field(4, "by_name", { label: REPEATED, type: MESSAGE, typeName: ".shapes.Shapes.ByNameEntry" }),
        field(5, "seed", { type: BYTES, options: isSecret }),
        field(6, "token", { oneofIndex: 0, options: isSecret }),
        field(7, "user", { oneofIndex: 0 }),
      ],
    },
  ],
});
const schema = createFileRegistry(file, () => undefined).getMessage("shapes.Shapes");
if (schema === undefined) throw new Error("no schema");

const message = create(schema, {
  tokens: ["t0", "t1"],
  keys: { 'a"b': "k1", c: "k2" },
  headers: [
    { name: "x", value: "h0" },
    { name: "y", value: "" },
  ],
  byName: { z: { name: "z", value: "m0" } },
  seed: new Uint8Array([0, 255, 254]),
  auth: { case: "token", value: "o0" },
});

describe("secrets in lists, maps, bytes and a oneof", () => {
  test("have a path each", () => {
    expect(secretFields(reflect(schema, message)).map(({ path }) => path)).toEqual([
      "tokens[0]",
      "tokens[1]",
      'keys["a\\"b"]',
      'keys["c"]',
      "headers[0].value",
      "headers[1].value",
      'by_name["z"].value',
      "seed",
      "token",
    ]);
    expect(secretPaths(schema)).toEqual(["seed", "token"]);
  });

  test("are taken out and find their places again", () => {
    const { config, secrets } = splitSecrets(schema, message);
    expect([...secrets.values()].map((bytes) => Buffer.from(bytes).toString("latin1"))).toEqual([
      ...["t0", "t1", "k1", "k2", "h0", "m0"],
      "\0\xff\xfe",
      "o0",
    ]);
    expect(config).toMatchObject({ tokens: ["", ""], headers: [{ name: "x", value: "" }, { name: "y" }] });
    joinSecrets(schema, config, secrets);
    expect(config).toEqual(message);
  });
});
