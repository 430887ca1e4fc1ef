import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findReferences } from "../../../src/secrets/references/env-references.ts";
import { canary } from "../../support/canary.ts";
import { failureOf } from "../expect-error.ts";
import { startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
beforeAll(async () => {
  service = await startProfileService();
});
afterAll(() => service.drop());

const postgres = (value: object = {}) => ({
  connector: { case: "postgres" as const, value: { host: "127.0.0.1", port: 1, username: "ann", ...value } },
});

describe("input that was made to hurt", () => {
  test("braces and blanks are read once, wherever they stand", async () => {
    const client = service.clientOf("slow");
    for (const text of [`{{${" ".repeat(250_000)}`, "{{ ".repeat(80_000), `${"{".repeat(200_000)}`]) {
      findReferences(text);
      await failureOf(client.createConnectionProfile({ name: "a", config: postgres({ tls: { ca: text } }) }));
    }
    await failureOf(
      client.createConnectionProfile({ name: "a", config: postgres({ password: `{{${" ".repeat(4000)}}}` }) }),
    );
  });

  test.each(['name = "\0"', 'connector = "\0"', 'labels.x = "\0"', 'labels."\0":*', "\0"])(
    "the filter %j is the caller's mistake",
    async (filter) => {
      expect(await failureOf(service.clientOf("nul").listConnectionProfiles({ filter }))).toMatchObject({
        code: "InvalidArgument",
        fields: ["filter"],
      });
    },
  );

  test("an error is never so long that it cannot be sent", async () => {
    const client = service.clientOf("long");
    const { connectionProfile } = await client.createConnectionProfile({ name: "a", config: postgres() });
    const labels = Object.fromEntries(
      Array.from({ length: 2000 }, (_, index) => [`UPPER ${index} ${"x".repeat(500)}`, "v"]),
    );
    const paths = [`config.postgres.${"x".repeat(40_000)}`];
    const refusals = [
      await failureOf(client.createConnectionProfile({ name: "b", config: postgres(), labels })),
      await failureOf(client.updateConnectionProfile({ id: connectionProfile?.id ?? "", updateMask: { paths } })),
    ];
    for (const refusal of refusals) {
      expect(refusal.reason).toBe("FIELD_INVALID");
      expect(refusal.message.length).toBeLessThan(8000);
      expect(refusal.fields.length).toBeLessThanOrEqual(16);
    }
    expect(refusals[0]?.message).toMatch(/and \d+ more$/);
  });
});

describe("rows that were damaged", () => {
  test.each([
    { config: { kafka: 5 } },
    { config: [] },
    { config: { postgres: { port: "x" } } },
    { last_test: { tested_at: "x" } },
    { labels: { a: 5 } },
  ])("%j breaks no list, and can be renamed, deleted and expunged", async (damage) => {
    const client = service.clientOf(`damage-${JSON.stringify(damage)}`);
    const config = postgres({ password: canary("damaged") });
    for (const name of ["a", "b"]) await client.createConnectionProfile({ name, config });
    const [first, second] = (await client.listConnectionProfiles({})).connectionProfiles;
    const [column = "", value] = Object.entries(damage)[0] ?? [];
    await service
      .knex("connection_profile")
      .where({ id: first?.id })
      .update({ [column]: JSON.stringify(value) });
    const { connectionProfiles } = await client.listConnectionProfiles({});
    expect(connectionProfiles.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(connectionProfiles[1]).toEqual(second);
    const id = first?.id ?? "";
    if (column === "config")
      for (const call of [client.testConnectionProfile, client.discoverConnectionProfile])
        expect(await failureOf(call({ id }))).toMatchObject({
          code: "FailedPrecondition",
          reason: "CONFIG_UNREADABLE",
        });
    await client.updateConnectionProfile({ id, name: "renamed" });
    const row = await service.knex("connection_profile").where({ id }).first();
    if (column === "config") expect(row.config).toEqual(value);
    await client.deleteConnectionProfile({ id });
    await client.undeleteConnectionProfile({ id });
    await client.expungeConnectionProfile({ id });
    expect((await client.listConnectionProfiles({ showDeleted: true })).connectionProfiles).toEqual([second]);
  });

  test("a secret that cannot be read stops what needs it, and nothing else; a new value mends it", async () => {
    const client = service.clientOf("damaged-secret");
    const { connectionProfile } = await client.createConnectionProfile({
      name: "a",
      config: postgres({ password: canary("damaged") }),
    });
    const id = connectionProfile?.id ?? "";
    await service
      .knex("connection_profile_secret")
      .where({ profile_id: id })
      .update({ ciphertext: Buffer.from("x") });
    await client.updateConnectionProfile({ id, name: "b", labels: { a: "b" } });
    const unreadable = { reason: "SECRET_UNREADABLE", metadata: { path: "password" } };
    expect(await failureOf(client.updateConnectionProfile({ id, config: postgres({ database: "x" }) }))).toMatchObject(
      unreadable,
    );
    await client.updateConnectionProfile({ id, config: postgres({ database: "x", password: canary("mended") }) });
    expect(await client.testConnectionProfile({ id })).toMatchObject({ error: true, done: true });
  });

  test("a name that left SECRET_ENV_ALLOW stops the use of the secret alone", async () => {
    const environment = new Map([["DB_PASSWORD", canary("from-environment")]]);
    const before = service.clientOf("left-list", "ann", { environment });
    const config = postgres({ password: "{{ DB_PASSWORD }}" });
    const { connectionProfile } = await before.createConnectionProfile({ name: "a", config });
    const id = connectionProfile?.id ?? "";
    expect(await before.testConnectionProfile({ id })).toMatchObject({ done: true });
    const after = service.clientOf("left-list");
    await after.updateConnectionProfile({ id, name: "b" });
    expect(await failureOf(after.testConnectionProfile({ id }))).toMatchObject({ reason: "SECRET_UNREADABLE" });
  });
});
