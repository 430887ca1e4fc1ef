import {
  create,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { describe, expect, test } from "vitest";
import {
  ConnectionProfileService,
  RollbackConnectionProfileRequestSchema,
} from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService, ListConnectionsResponseSchema } from "../../gen/connectory/v1/connection_service_pb.js";
import { isSecret } from "../../src/proto-schema/field-options.ts";
import { redact, redacted } from "../../src/telemetry/redact.ts";
import { canary, canaryPrefix } from "../support/canary.ts";

/** Every message that a call can have, with those that are in them. */
function reachable(): ReadonlySet<DescMessage> {
  const all = new Set<DescMessage>();
  const visit = (schema: DescMessage | undefined) => {
    if (schema === undefined || all.has(schema) || schema.typeName.startsWith("google.protobuf.")) return;
    all.add(schema);
    for (const field of schema.fields) visit(field.message);
  };
  for (const { input, output } of [ConnectionService, ConnectionProfileService].flatMap(({ methods }) => methods)) {
    visit(input);
    visit(output);
  }
  return all;
}

const schemas = [...reachable()];

/** Puts a secret into a field that is marked, and something else into one that is not. */
function scalarOf(field: DescField, what: string): unknown {
  if (field.scalar === ScalarType.BYTES) return Buffer.from(what);
  return field.scalar === ScalarType.STRING ? what : undefined;
}

function fillField(message: ReflectMessage, field: DescField, depth: number): void {
  const secret = isSecret(field);
  const what = secret ? canary(field.toString()) : "plain";
  if (field.fieldKind === "scalar") {
    const value = scalarOf(field, what);
    if (value !== undefined) message.set(field, value);
  } else if (field.fieldKind === "list" && field.listKind === "scalar") {
    const value = scalarOf(field, what);
    if (value !== undefined) message.get(field).add(value as string);
  } else if (field.fieldKind === "map" && field.mapKind === "scalar") {
    const value = scalarOf(field, what);
    // Of a secret map the keys are one too: they can say where the secret is from.
    if (value !== undefined) message.get(field).set(secret ? canary("key") : "key", value as string);
  } else if (field.message !== undefined && depth > 0 && !field.message.typeName.startsWith("google.protobuf.")) {
    const nested = fill(field.message, depth - 1);
    if (field.fieldKind === "message") message.set(field, nested);
    else if (field.fieldKind === "list") message.get(field).add(nested);
    else if (field.fieldKind === "map") message.get(field).set("key", nested);
  }
}

/** A message with everything set, down to a depth; of each oneof the last member. */
function fill(schema: DescMessage, depth: number): ReflectMessage {
  const message = reflect(schema);
  for (const field of schema.fields) fillField(message, field, depth);
  return message;
}

const deep = 6;

describe("what may be logged of a message", () => {
  const marked = schemas.flatMap((schema) => schema.fields.filter(isSecret));

  test("there are secrets to look for, in a map too", () => {
    expect(marked.length).toBeGreaterThan(20);
    expect(marked.some((field) => field.fieldKind === "map")).toBe(true);
  });

  test.each(marked.map((field) => [field.toString(), field] as const))("%s is redacted wherever it is", (_, field) => {
    for (const schema of schemas) {
      for (const within of [{}, { texts: false }]) {
        const message = fill(schema, deep);
        const shown = JSON.stringify(redact(schema, message.message, within));
        expect([schema.typeName, shown.includes(canaryPrefix)]).toEqual([schema.typeName, false]);
      }
    }
    // Its own message, with nothing but it: it is shown that it was there.
    const own = reflect(field.parent);
    fillField(own, field, 0);
    expect(redact(field.parent, own.message)).toEqual({ [field.name]: redacted });
  });

  test("each member of a oneof, which the last one hides", () => {
    for (const schema of schemas)
      for (const { fields } of schema.oneofs)
        for (const field of fields) {
          const message = fill(schema, 0);
          fillField(message, field, deep);
          const shown = JSON.stringify(redact(schema, message.message));
          expect([field.toString(), shown.includes(canaryPrefix)]).toEqual([field.toString(), false]);
        }
  });

  test("everything else is shown, under its proto name", () => {
    const config = { connector: { case: "redis", value: { address: "redis://db:6379", password: canary("p") } } };
    const { input } = ConnectionProfileService.method.createConnectionProfile;
    const message = create(input, { name: "mine", labels: { team: "a" }, config } as object);
    expect(redact(input, message)).toEqual({
      name: "mine",
      labels: { team: "a" },
      config: { redis: { address: "redis://db:6379", password: redacted } },
    });
  });

  test("times and masks are shown as JSON has them, enums by their name, revisions as text", () => {
    const { method } = ConnectionProfileService;
    const shown = (schema: DescMessage, json: JsonValue): JsonObject =>
      redact(schema, fromJson(schema, json) as Message);
    expect(
      shown(method.updateConnectionProfile.input, { id: "cp_0123456789", updateMask: "name,config.kafka" }),
    ).toMatchObject({ update_mask: "name,config.kafka" });
    expect(shown(RollbackConnectionProfileRequestSchema, { revision: "9007199254740993" })).toEqual({
      revision: "9007199254740993",
    });
    expect(shown(ConnectionService.method.createConnection.input, { connectedSince: "2026-01-02T03:04:05Z" })).toEqual({
      connected_since: "2026-01-02T03:04:05Z",
    });
    expect(shown(method.createConnectionProfile.input, { validationMode: "VALIDATION_MODE_LIVE" })).toEqual({
      validation_mode: "VALIDATION_MODE_LIVE",
    });
  });

  test("without texts their lengths are all there is, of keys and enums too", () => {
    const { input } = ConnectionProfileService.method.createConnectionProfile;
    const message = create(input, { name: canary("misplaced"), labels: { [canary("a")]: canary("b") } });
    const shown = JSON.stringify(redact(input, message, { texts: false }));
    expect(shown).not.toContain(canaryPrefix);
    expect(shown).toContain(`[${canary("misplaced").length} characters]`);
  });

  test("is small, whatever the message is", () => {
    const userId1 = "u".repeat(100_000);
    const connections = Array.from({ length: 20_000 }, () => ({ userId1, userId2: "v" }));
    const message = create(ListConnectionsResponseSchema, { connections });
    const text = JSON.stringify(redact(ListConnectionsResponseSchema, message));
    expect(text.length).toBeLessThan(100_000);
    expect(text).toContain("[100000 characters]");
  });
});
