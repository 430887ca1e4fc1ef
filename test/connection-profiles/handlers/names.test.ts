import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failureOf } from "../expect-error.ts";
import { startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
beforeAll(async () => {
  service = await startProfileService();
});
afterAll(() => service.drop());

const config = { connector: { case: "postgres" as const, value: { host: "127.0.0.1", port: 1, username: "u" } } };

describe("names in every script", () => {
  test.each([
    ["Persian, with a zero-width non-joiner", "پایگاه‌داده"],
    ["Hindi, with a joiner", "क्‍ष कतार"],
    ["a family", "orders 👨‍👩‍👧‍👦"],
    ["one character", "x"],
    ["100 characters", "ä".repeat(100)],
  ])("%s", async (_what, name) => {
    const client = service.clientOf("names");
    const { connectionProfile } = await client.createConnectionProfile({
      name,
      config,
      labels: { title: name.slice(0, 60) },
    });
    expect((await client.getConnectionProfile({ id: connectionProfile?.id ?? "" })).connectionProfile?.name).toBe(name);
    const filter = `name = ${JSON.stringify(name)}`;
    const { connectionProfiles } = await client.listConnectionProfiles({ filter });
    expect(connectionProfiles.map(({ id }) => id)).toEqual([connectionProfile?.id]);
    expect((await client.testConnectionProfile({ name, config })).done).toBe(true);
    expect(
      (await client.updateConnectionProfile({ id: connectionProfile?.id ?? "", name: `${name.slice(0, 98)}2` }))
        .connectionProfile?.name,
    ).toBe(`${name.slice(0, 98)}2`);
  });
});

describe("what is no name is none for a create, an update and a test alike", () => {
  test.each([
    ["a space at its end", "a "],
    ["a space at its begin", " a"],
    ["a line break", "a\nb"],
    ["a joiner at its end", "a\u200d"],
    ["a joiner at its begin", "\u200da"],
    ["two joiners side by side", "a\u200d\u200cb"],
    ["a sign that turns the direction of text", "a\u202eb"],
    ["a zero-width space", "a\u200bb"],
    ["101 characters", "a".repeat(101)],
  ])("%s", async (_what, name) => {
    const client = service.clientOf("no-names");
    const invalid = { reason: "FIELD_INVALID", fields: ["name"] };
    expect(await failureOf(client.createConnectionProfile({ name, config }))).toMatchObject(invalid);
    expect(await failureOf(client.updateConnectionProfile({ id: "cp_0123456789", name }))).toMatchObject(invalid);
    expect(await failureOf(client.testConnectionProfile({ name, config }))).toMatchObject(invalid);
    const stream = async () => {
      for await (const _ of client.streamConnectionProfileTest({ name, config }));
    };
    expect(await failureOf(stream())).toMatchObject(invalid);
  });
});
