import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { create, type DescMessage, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ValidationMode } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { type ConnectorConfig, ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { TlsConfigSchema } from "../../../gen/connectory/v1/tls_config_pb.js";
import { connectors } from "../../../src/connectors/registry.ts";
import { selfSigned } from "../../support/make-certificate.ts";
import { failureOf } from "../expect-error.ts";
import { fullConfigs } from "../full-configs.ts";
import { startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
beforeAll(async () => {
  service = await startProfileService();
});
afterAll(() => service.drop());

interface Pair {
  readonly cert: string;
  readonly key: string;
}
const textOf = (key: KeyObject) => String(key.export({ type: "pkcs8", format: "pem" }));
const pairOf = (key: KeyObject): Pair => ({ cert: selfSigned(key), key: textOf(key) });
const first = pairOf(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
const second = pairOf(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey);
const encrypted = second.key.replaceAll("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");

/** The paths of all TLS settings of a configuration. */
function tlsPaths(schema: DescMessage, prefix: readonly string[] = []): readonly (readonly string[])[] {
  return schema.fields.flatMap((field) => {
    if (field.message === undefined || field.fieldKind !== "message") return [];
    const path = [...prefix, field.jsonName];
    return field.message.typeName === TlsConfigSchema.typeName ? [path] : tlsPaths(field.message, path);
  });
}

/** A full configuration with these TLS settings at one of the paths, and good ones elsewhere. */
function configWith(connector: string, at: readonly string[], tls: Record<string, string>): ConnectorConfig {
  const member = fullConfigs.find((one) => one.case === connector);
  const whole = toJson(ConnectorConfigSchema, create(ConnectorConfigSchema, member && { connector: member }));
  const config = structuredClone(whole) as Record<string, Record<string, JsonValue>>;
  for (const path of tlsPaths(connectors[connector as keyof typeof connectors].config)) {
    let parent: Record<string, JsonValue> = config[connector] ?? {};
    for (const name of path.slice(0, -1)) parent = parent[name] as Record<string, JsonValue>;
    parent[path.at(-1) ?? ""] = path.join(".") === at.join(".") ? tls : { ca: first.cert, ...first };
  }
  return fromJson(ConnectorConfigSchema, config as JsonValue);
}

const places = Object.values(connectors).flatMap(({ id, config }) =>
  tlsPaths(config).map((path) => [id, path.join(".")] as const),
);
const snake = (path: string) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const faults = [
  ["cert", { ...first, cert: first.cert + first.key }, "holds a private key: it belongs into tls.key"],
  ["ca", { ...first, ca: first.key + first.cert }, "holds a private key: it belongs into tls.key"],
  ["ca", { ...first, ca: first.cert.replaceAll("\n", "\\n") }, "has \\n as two characters"],
  ["key", { ...first, key: second.key }, "is not the key of tls.cert"],
  ["key", { ...second, key: encrypted }, "is encrypted with a passphrase"],
] as const;

describe("PEM texts", () => {
  test("every connector is among those that are tried", () => {
    expect(new Set(places.map(([id]) => id))).toEqual(new Set(Object.keys(connectors)));
    expect(places).toContainEqual(["kafka", "schemaRegistry.tls"]);
  });

  test.each(places)("of %s in %s are refused by everything that takes them", async (id, place) => {
    const client = service.clientOf(`pem-${id}-${place}`);
    const path = place.split(".");
    const good = configWith(id, path, { ca: first.cert, ...first });
    const { connectionProfile } = await client.createConnectionProfile({ name: "good", config: good });
    const saved = connectionProfile?.id ?? "";
    for (const [field, tls, description] of faults) {
      const config = configWith(id, path, tls);
      const calls = [
        () => client.createConnectionProfile({ name: "bad", config }),
        () => client.createConnectionProfile({ name: "bad", config, validateOnly: true }),
        () => client.createConnectionProfile({ name: "bad", config, validationMode: ValidationMode.LIVE }),
        () => client.testConnectionProfile({ config }),
        () => client.discoverConnectionProfile({ config }),
        () => client.updateConnectionProfile({ id: saved, config, updateMask: { paths: ["config"] } }),
        () => client.updateConnectionProfile({ id: saved, config, validateOnly: true }),
        () => client.testConnectionProfile({ id: saved, config }),
        () => Array.fromAsync(client.streamConnectionProfileTest({ id: saved, config })),
      ];
      for (const [index, call] of calls.entries()) {
        const failure = await failureOf(call());
        expect([index, failure]).toMatchObject([
          index,
          { reason: "FIELD_INVALID", fields: expect.arrayContaining([`config.${id}.${snake(place)}.${field}`]) },
        ]);
        expect(failure.message).toContain(description);
        for (const secret of [first.key, second.key])
          expect(JSON.stringify(failure)).not.toContain(secret.split("\n")[1]);
      }
    }
    expect((await client.listConnectionProfiles({})).connectionProfiles).toEqual([connectionProfile]);
  });

  const mqtt = (tls: Record<string, unknown>) => ({
    connector: { case: "mqtt" as const, value: { url: "mqtts://a.example", tls } },
  });

  test("a pair is held together when one of the two is stored already", async () => {
    const client = service.clientOf("pairs");
    const created = await client.createConnectionProfile({ name: "a", config: mqtt({ ...first }) });
    const { id = "", revision = 0n } = created.connectionProfile ?? {};
    const mismatch = { reason: "FIELD_INVALID", fields: ["config.mqtt.tls.key"] };
    for (const tls of [{ cert: second.cert }, { key: second.key }])
      expect(await failureOf(client.updateConnectionProfile({ id, config: mqtt(tls) }))).toMatchObject(mismatch);
    await client.updateConnectionProfile({ id, config: mqtt({ ...second }) });
    expect(await failureOf(client.rollbackConnectionProfile({ id, revision }))).toMatchObject(mismatch);
    const secrets = { "tls.key": encrypted };
    expect(await failureOf(client.rollbackConnectionProfile({ id, revision, secrets }))).toMatchObject(mismatch);
    await client.rollbackConnectionProfile({ id, revision, secrets: { "tls.key": first.key } });
  });

  test("a key in any other field that is shown is refused too", async () => {
    const client = service.clientOf("elsewhere");
    const whole = { bootstrapServers: "a.example:9092", connectionProperties: { "client.id": first.key } };
    const config = { connector: { case: "kafka" as const, value: whole } };
    const failure = await failureOf(client.createConnectionProfile({ name: "a", config }));
    expect(failure).toMatchObject({ reason: "FIELD_INVALID" });
    expect(failure.message).toContain("holds a private key, and this field is kept and shown as it is");
  });

  test("a profile that was kept with a key in its certificate can be read, and be mended", async () => {
    const client = service.clientOf("kept");
    const { connectionProfile } = await client.createConnectionProfile({ name: "a", config: mqtt({ ...first }) });
    const id = connectionProfile?.id ?? "";
    const kept = toJson(ConnectorConfigSchema, create(ConnectorConfigSchema, mqtt({ cert: first.cert + first.key })), {
      useProtoFieldName: true,
    });
    await service
      .knex("connection_profile")
      .where({ id })
      .update({ config: JSON.stringify(kept) });
    expect((await client.getConnectionProfile({ id })).connectionProfile?.name).toBe("a");
    expect((await client.listConnectionProfiles({})).connectionProfiles).toHaveLength(1);
    await client.updateConnectionProfile({ id, name: "b" });
    const refused = { reason: "FIELD_INVALID", fields: ["config.mqtt.tls.cert"] };
    expect(await failureOf(client.testConnectionProfile({ id }))).toMatchObject(refused);
    const mended = await client.updateConnectionProfile({ id, config: mqtt({ cert: first.cert }) });
    expect(mended.connectionProfile?.config).toEqual(create(ConnectorConfigSchema, mqtt({ cert: first.cert })));
    expect((await client.testConnectionProfile({ id })).report?.steps.length).toBeGreaterThan(0);
  });
});
