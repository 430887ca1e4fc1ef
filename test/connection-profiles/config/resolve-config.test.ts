import { clone, create, equals } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ConnectionProfileSchema } from "../../../gen/connectory/v1/connection_profile_pb.js";
import { ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { resolveEdits, resolveNew } from "../../../src/connection-profiles/config/resolve-config.ts";
import { connectors } from "../../../src/connectors/registry.ts";
import { createMessageCheck } from "../../../src/interceptors/validate.ts";
import { createEnvReferenceResolver } from "../../../src/secrets/references/env-references.ts";
import type { SecretStore } from "../../../src/secrets/secret-store.ts";

const substitution = createEnvReferenceResolver(new Map([["DB_PASSWORD", "from-environment"]]));
const stored = { path: "password", keyId: null, dataKeyId: "d1", ciphertext: new Uint8Array(), fingerprint: "f" };
/** Opens whatever it is given to `{{ DB_PASSWORD }}`. */
const secretStore = {
  open: async (_owner: unknown, secrets: readonly { path: string }[]) =>
    new Map(secrets.map(({ path }) => [path, Buffer.from("{{ DB_PASSWORD }}")])),
} as unknown as SecretStore;
const deps = { registry: connectors, rules: { checkMessage: createMessageCheck(), substitution }, secretStore };

const postgres = (more: { password?: string; database?: string }) =>
  create(ConnectorConfigSchema, {
    connector: { case: "postgres", value: { host: "db.example", username: "ann", database: "shop", ...more } },
  });
const saved = (config = postgres({})) => ({
  profile: create(ConnectionProfileSchema, { id: "cp_1", connector: "postgres", config }),
  stored: [stored],
});

describe("a configuration that a request brings", () => {
  test("is made complete to dial with, and stays as it came: a write that is tried again begins with it", () => {
    const whole = postgres({ password: "{{ DB_PASSWORD }}" });
    const before = clone(ConnectorConfigSchema, whole);
    const { withSecrets, withoutSecrets, forStorage } = resolveNew(deps, "acme", "", whole);
    expect(withSecrets.config).toMatchObject({ host: "db.example", password: "from-environment" });
    expect(withoutSecrets.connector.value).toMatchObject({ host: "db.example", password: "" });
    expect(forStorage().newSecrets).toEqual(new Map([["password", new TextEncoder().encode("{{ DB_PASSWORD }}")]]));
    expect(equals(ConnectorConfigSchema, whole, before)).toBe(true);
  });
});

describe("edits of a saved configuration", () => {
  test("are laid over it with its stored secrets, and neither of the two is changed", async () => {
    const profile = saved();
    const config = create(ConnectorConfigSchema, { connector: { case: "postgres", value: { database: "stock" } } });
    const before = [clone(ConnectionProfileSchema, profile.profile), clone(ConnectorConfigSchema, config)] as const;
    const { withSecrets, withoutSecrets, newSecrets, removed } = await resolveEdits(deps, "acme", profile, {
      config,
      paths: undefined,
    });
    expect(withSecrets.config).toMatchObject({ host: "db.example", database: "stock", password: "from-environment" });
    expect(withoutSecrets.connector.value).toMatchObject({ database: "stock", password: "" });
    expect([newSecrets.size, removed]).toEqual([0, []]);
    expect(equals(ConnectionProfileSchema, profile.profile, before[0])).toBe(true);
    expect(equals(ConnectorConfigSchema, config, before[1])).toBe(true);
  });

  test("may not bring a secret with NUL: the whole is looked at", async () => {
    const config = create(ConnectorConfigSchema, {
      connector: { case: "postgres", value: { password: "a\0" } },
    });
    await expect(resolveEdits(deps, "acme", saved(), { config, paths: undefined })).rejects.toMatchObject({
      reason: ErrorReason.FIELD_INVALID,
      detail: { fieldViolations: [{ field: "config.postgres.password" }] },
    });
  });

  test("may not leave no configuration, and name no other connector", async () => {
    const refused = (edits: Parameters<typeof resolveEdits>[3]) =>
      expect(resolveEdits(deps, "acme", saved(), edits)).rejects;
    const cleared = { config: undefined, paths: [[]] };
    await refused(cleared).toMatchObject({ detail: { fieldViolations: [{ field: "config.connector" }] } });
    const kafka = create(ConnectorConfigSchema, { connector: { case: "kafka", value: {} } });
    const mismatch = { reason: ErrorReason.CONNECTOR_MISMATCH };
    await refused({ config: kafka, paths: undefined }).toMatchObject(mismatch);
    await refused({ config: undefined, paths: undefined, named: "kafka" }).toMatchObject(mismatch);
  });
});
