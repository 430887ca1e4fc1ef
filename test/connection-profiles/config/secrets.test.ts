import { create, type DescField, type DescMessage, type Message, ScalarType, toBinary } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionProfileSchema } from "../../../gen/connectory/v1/connection_profile_pb.js";
import { ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { joinSecrets, secretPaths, splitSecrets } from "../../../src/connection-profiles/config/secret-fields.ts";
import { storedDestination } from "../../../src/connection-profiles/store/stored-destination.ts";
import { connectors } from "../../../src/connectors/registry.ts";
import type { Connector } from "../../../src/connectors/sdk/connector.ts";
import { isSecret } from "../../../src/proto-schema/field-options.ts";
import { pem } from "../../connectors/local-server.ts";
import { failureOf } from "../expect-error.ts";
import { secretKeys, startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
beforeAll(async () => {
  service = await startProfileService();
});
afterAll(() => service.drop());

/** A message with a text in every field and every message below it, `secret` in the secret ones. */
function filled(schema: DescMessage, secret: (path: string) => string, prefix = ""): Message {
  const message = reflect(schema, create(schema));
  for (const field of schema.fields) {
    const path = `${prefix}${field.name}`;
    const text = isSecret(field) ? secret(path) : path;
    if (field.fieldKind === "message")
      message.set(field, reflect(field.message, filled(field.message, secret, `${path}.`)));
    else if (field.fieldKind === "scalar") message.set(field, scalar(field, text));
    else if (field.fieldKind === "map") message.get(field).set("x-key", text);
    else if (field.fieldKind === "list") message.get(field).add(text);
    else throw new Error(`${path}: teach this test its kind`);
  }
  return message.message;
}

function scalar(field: DescField & { fieldKind: "scalar" }, text: string) {
  if (field.scalar === ScalarType.STRING) return text;
  if (field.scalar === ScalarType.BYTES) return Buffer.from(text);
  return field.scalar === ScalarType.BOOL ? true : 1;
}

describe.each(Object.values<Connector>(connectors).map((connector) => [connector.id, connector.config] as const))(
  "the secrets of %s",
  (_, schema) => {
    const message = filled(schema, (path) => `SECRET-${path}`);

    test("are taken out, every one of them, and put back in their places", () => {
      const { config, secrets } = splitSecrets(schema, message);
      // Of the members of a oneof the last one is set.
      const possible = [...secretPaths(schema), 'headers["x-key"]'];
      expect(secrets.size).toBeGreaterThan(0);
      expect([...secrets.keys()].filter((path) => !possible.includes(path))).toEqual([]);
      expect(Buffer.from(toBinary(schema, config)).includes("SECRET")).toBe(false);
      for (const value of secrets.values()) expect(Buffer.from(value).toString()).toContain("SECRET-");
      joinSecrets(schema, config, secrets);
      expect(config).toEqual(message);
    });

    test("are not touched in the message that was given", () => {
      const before = toBinary(schema, message);
      splitSecrets(schema, message);
      expect(toBinary(schema, message)).toEqual(before);
    });
  },
);

describe("at rest", () => {
  const marked = {
    "postgres password": "M4rk-postgres-password-\u00e4\u{1f511}",
    "kafka password": "M4rk-kafka-password-'\"\\",
  };
  const key = pem("server-key");
  const postgresConfig = {
    case: "postgres" as const,
    value: {
      host: "db.example",
      username: "ann",
      password: marked["postgres password"],
      tls: { cert: pem("server"), key },
    },
  };
  const kafkaConfig = {
    case: "kafka" as const,
    value: {
      bootstrapServers: "broker:9092",
      sasl: { protocol: "SASL_SSL", mechanism: "PLAIN", username: "ann", password: marked["kafka password"] },
      tls: { cert: pem("server"), key },
    },
  };

  test("no byte of a secret is in any table or any answer", async () => {
    const client = service.clientOf("scan");
    const answers: unknown[] = [];
    for (const [name, connector] of [
      ["a", postgresConfig],
      ["b", kafkaConfig],
    ] as const) {
      const created = await client.createConnectionProfile({ name, config: { connector } });
      const id = created.connectionProfile?.id ?? "";
      answers.push(created, await client.getConnectionProfile({ id }));
      answers.push(await failureOf(client.createConnectionProfile({ name, config: { connector } })));
    }
    const list = await client.listConnectionProfiles({});
    answers.push(list, await client.deleteConnectionProfile({ id: list.connectionProfiles[1]?.id ?? "" }));
    await client.createConnectionProfile({ name: "again", config: { connector: kafkaConfig } });

    const texts = [JSON.stringify(answers, (_, value) => (typeof value === "bigint" ? `${value}` : value))];
    const { rows: tables } = await service.knex.raw(
      "select table_name from information_schema.tables where table_schema = current_schema()",
    );
    expect(tables.length).toBeGreaterThan(5);
    for (const { table_name } of tables) {
      const { rows } = await service.knex.raw("select ??::text as row from ??", [table_name, table_name]);
      texts.push(...rows.map(({ row }: { row: string }) => row));
    }
    const everything = texts.join("\n");
    expect(everything).toContain("db.example");
    const body = key.split("\n")[1] ?? "";
    for (const secret of [...Object.values(marked), body]) {
      expect(secret.length).toBeGreaterThan(20);
      for (const form of [secret, JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString("hex")])
        expect(everything.includes(form)).toBe(false);
      expect(everything.includes(Buffer.from(secret).toString("base64").slice(0, -4))).toBe(false);
    }
  });

  test("each has a state: set, fingerprint and time", async () => {
    const client = service.clientOf("states");
    const { connectionProfile } = await client.createConnectionProfile({
      name: "a",
      config: { connector: kafkaConfig },
    });
    const states = connectionProfile?.secrets.filter(({ set }) => set) ?? [];
    expect(states.map(({ path }) => path)).toEqual(["sasl.password", "tls.key"]);
    for (const { fingerprint, updatedAt } of states) {
      expect(fingerprint).toMatch(/^[0-9a-f]{16}$/);
      expect(updatedAt).toEqual(connectionProfile?.createdAt);
    }
    expect(connectionProfile?.config?.connector.value).toMatchObject({ sasl: { username: "ann", password: "" } });
    const bytes = toBinary(ConnectionProfileSchema, connectionProfile ?? create(ConnectionProfileSchema));
    expect(Buffer.from(bytes).includes("M4rk")).toBe(false);
  });

  test("the same value has another fingerprint and ciphertext in another profile", async () => {
    const client = service.clientOf("twins");
    for (const name of ["a", "b"]) await client.createConnectionProfile({ name, config: { connector: kafkaConfig } });
    const rows = await service.knex("connection_profile_secret").where({ organization_id: "twins" });
    expect(rows).toHaveLength(4);
    expect(new Set(rows.map(({ fingerprint }) => fingerprint)).size).toBe(4);
    expect(new Set(rows.map(({ ciphertext }) => ciphertext.toString("hex"))).size).toBe(4);
  });

  test("ciphertexts that were swapped between fields or profiles are not opened", async () => {
    const client = service.clientOf("swap");
    const ids: string[] = [];
    for (const name of ["a", "b"]) {
      const { connectionProfile } = await client.createConnectionProfile({ name, config: { connector: kafkaConfig } });
      ids.push(connectionProfile?.id ?? "");
    }
    const rows = await service.knex("connection_profile_secret").where({ organization_id: "swap" });
    const [a = "", b = ""] = ids;
    const cell = (id: string, path: string) =>
      rows.find((row) => row.profile_id === id && row.path === path).ciphertext;
    const put = (id: string, path: string, ciphertext: Buffer) =>
      service.knex("connection_profile_secret").where({ profile_id: id, path }).update({ ciphertext });
    const unreadable = { code: "FailedPrecondition", reason: "SECRET_UNREADABLE" };

    await put(a, "sasl.password", cell(b, "sasl.password"));
    await put(b, "tls.key", cell(b, "sasl.password"));
    expect(await failureOf(client.testConnectionProfile({ id: a }))).toMatchObject({
      ...unreadable,
      metadata: { path: "sasl.password" },
    });
    expect(await failureOf(client.testConnectionProfile({ id: b }))).toMatchObject({
      ...unreadable,
      metadata: { path: "tls.key" },
    });
    // What does not decrypt goes on as before.
    expect((await client.listConnectionProfiles({})).connectionProfiles).toHaveLength(2);
    expect((await client.getConnectionProfile({ id: a })).connectionProfile?.id).toBe(a);
  });

  test("a bit that was turned, a value that was cut and a key that is gone are told, never guessed at", async () => {
    const client = service.clientOf("broken");
    const config = {
      connector: { case: "postgres" as const, value: { host: "127.0.0.1", port: 1, username: "u", password: "p" } },
    };
    const { connectionProfile } = await client.createConnectionProfile({ name: "a", config });
    const id = connectionProfile?.id ?? "";
    const where = { organization_id: "broken", profile_id: id };
    const { ciphertext } = await service.knex("connection_profile_secret").where(where).first();
    const turned = Buffer.from(ciphertext);
    turned[15] = (turned[15] ?? 0) ^ 1;
    for (const broken of [turned, ciphertext.subarray(0, -1), ciphertext.subarray(0, 12), Buffer.alloc(0)]) {
      await service.knex("connection_profile_secret").where(where).update({ ciphertext: broken });
      expect(await failureOf(client.testConnectionProfile({ id }))).toMatchObject({ reason: "SECRET_UNREADABLE" });
    }
    await service.knex("connection_profile_secret").where(where).update({ ciphertext });
    expect(await client.testConnectionProfile({ id })).toMatchObject({ error: true, done: true });
    const other = service.clientOf("broken", "alice", { keys: secretKeys("k2") });
    expect(await failureOf(other.testConnectionProfile({ id }))).toMatchObject({ reason: "SECRET_UNREADABLE" });
    const rotated = service.clientOf("broken", "alice", { keys: secretKeys("k2", "k1") });
    expect(await rotated.testConnectionProfile({ id })).toMatchObject({ error: true, done: true });
  });

  test("opening gives back what was sealed, whatever it was", async () => {
    const client = service.clientOf("exact");
    const { connectionProfile } = await client.createConnectionProfile({
      name: "a",
      config: { connector: kafkaConfig },
    });
    const profileId = connectionProfile?.id ?? "";
    const saved = await service.profiles.findSaved("exact", profileId);
    const destination = await storedDestination(service.knex, connectors, "exact", profileId);
    const owner = { organizationId: "exact", profileId, destination: destination ?? new Uint8Array() };
    const opened = await service.secretStore.open(owner, saved?.stored ?? []);
    expect(Buffer.from(opened.get("sasl.password") ?? "").toString()).toBe(marked["kafka password"]);
    expect(Buffer.from(opened.get("tls.key") ?? "").toString()).toBe(key);
  });
});

test("every member of ConnectorConfig was looked at", () => {
  const members = ConnectorConfigSchema.fields.map((field) => field.name).toSorted();
  expect(Object.keys(connectors).toSorted()).toEqual(members);
});
