import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { canary } from "../../support/canary.ts";
import { failureOf } from "../expect-error.ts";
import { type ProfileClient, startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
beforeAll(async () => {
  service = await startProfileService();
});
afterAll(() => service.drop());

const postgres = (change: { password?: string; port?: number } = {}) => ({
  connector: { case: "postgres" as const, value: { host: "db.example", username: "ann", ...change } },
});
const secret = (index: number | string) => postgres({ password: `${canary("attempt")}-${index}` });
const tooMany = { code: "ResourceExhausted", reason: "TOO_MANY_ATTEMPTS", retry: true };

/** Puts the clock of all attempts of an organization to where no time that a test takes matters. */
const freeIn = (organization: string, time: string) =>
  service.knex.raw("update secret_attempt set free_at = now() + ?::interval where organization_id = ?", [
    time,
    organization,
  ]);

async function createIn(client: ProfileClient, name = "a") {
  const { connectionProfile } = await client.createConnectionProfile({ name, config: secret("first") });
  return connectionProfile?.id ?? "";
}

describe("fingerprints", () => {
  /** What each RPC that answers with profiles answers. */
  async function answersTo(client: ProfileClient) {
    const request = { name: "a", config: secret("seen"), requestId: randomUUID() };
    const created = await client.createConnectionProfile(request);
    const id = created.connectionProfile?.id ?? "";
    const answers = {
      createConnectionProfile: [created, await client.createConnectionProfile(request)],
      updateConnectionProfile: [
        await client.updateConnectionProfile({ id, config: secret("seen again") }),
        await client.updateConnectionProfile({ id, name: "a" }),
        await client.updateConnectionProfile({ id, name: "b", validateOnly: true }),
      ],
      rollbackConnectionProfile: [
        await client.rollbackConnectionProfile({ id, revision: created.connectionProfile?.revision ?? 0n }),
      ],
      getConnectionProfile: [await client.getConnectionProfile({ id })],
      listConnectionProfiles: [await client.listConnectionProfiles({})],
      listConnectionProfileRevisions: [await client.listConnectionProfileRevisions({ id })],
      deleteConnectionProfile: [await client.deleteConnectionProfile({ id })],
      undeleteConnectionProfile: [await client.undeleteConnectionProfile({ id })],
    };
    return Object.entries(answers).flatMap(([name, given]) => given.map((answer) => [name, toText(answer)] as const));
  }
  const toText = (answer: object) =>
    JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? String(value) : value));
  const shown = /"fingerprint":"[0-9a-f]{16}"/;

  test("are shown to who has profiles.rebind, in every answer, and to nobody else in any", async () => {
    const member = await answersTo(service.clientOf("seen-by-member"));
    const editor = await answersTo(
      service.clientOf("seen-by-editor", "ed", {
        permissions: ["profiles.read", "profiles.write", "profiles.expunge"],
      }),
    );
    for (const [name, answer] of member) expect([name, shown.test(answer)]).toEqual([name, true]);
    for (const [name, answer] of editor) {
      expect([name, shown.test(answer)]).toEqual([name, false]);
      expect([name, answer.includes('"set":true')]).toEqual([name, true]);
    }
    const answering = ConnectionProfileService.methods.filter(({ output }) => {
      const below = output.fields.map((field) => ("message" in field ? field.message : undefined));
      return below.some((message) => /\.ConnectionProfile(Revision)?$/.test(message?.typeName ?? ""));
    });
    expect(new Set(member.map(([name]) => name))).toEqual(new Set(answering.map(({ localName }) => localName)));
  });

  test("are in no event", async () => {
    const client = service.clientOf("seen-in-events");
    await answersTo(client);
    const events: { data: object }[] = await service.knex("event").where({ organization_id: "seen-in-events" });
    expect(events.length).toBeGreaterThan(3);
    for (const { data } of events) {
      expect(toText(data)).toContain('"set":true');
      expect(toText(data)).not.toContain("fingerprint");
    }
  });
});

describe("secrets of one profile", () => {
  test("are taken 30 times in a row from one user, over all servers, and then one a minute", async () => {
    const servers = [service.clientOf("attempts", "ann"), service.clientOf("attempts", "ann")];
    const [ann] = servers as [ProfileClient];
    const id = await createIn(ann);
    const other = await createIn(ann, "other");
    const firstAt = Date.now();
    for (let index = 0; index < 30; index += 1)
      await servers[index % 2]?.updateConnectionProfile({ id, config: secret(index) });
    // All thirty are used up: the next one is to be had a minute after the first.
    const usedUp: Date = (await service.knex("secret_attempt").where({ subject: id }).first()).free_at;
    expect(usedUp.getTime()).toBeGreaterThanOrEqual(firstAt + 30 * 60_000);
    expect(usedUp.getTime()).toBeLessThanOrEqual(Date.now() + 30 * 60_000);
    await freeIn("attempts", "40 minutes");
    const { connectionProfile: before } = await ann.getConnectionProfile({ id });
    expect(await failureOf(ann.updateConnectionProfile({ id, config: secret("guess") }))).toMatchObject(tooMany);
    const rollback = { id, revision: before?.revision ?? 0n, secrets: { password: canary("rolled") } };
    expect(await failureOf(servers[1]?.rollbackConnectionProfile(rollback) ?? Promise.resolve())).toMatchObject(
      tooMany,
    );
    expect((await ann.getConnectionProfile({ id })).connectionProfile).toEqual(before);

    // What brings no secret, another profile and another user are not held up.
    await ann.updateConnectionProfile({ id, config: postgres(), name: "renamed" });
    await ann.updateConnectionProfile({ id: other, config: secret("other") });
    await service.clientOf("attempts", "ben").updateConnectionProfile({ id, config: secret("of ben") });
    await freeIn("attempts", "28 minutes");
    await ann.updateConnectionProfile({ id, config: secret("later") });
  });

  test("are taken although the database's clock was set back since they were counted", async () => {
    const client = service.clientOf("attempts-set-back");
    const id = await createIn(client);
    await client.updateConnectionProfile({ id, config: secret("before") });
    await freeIn("attempts-set-back", "2 hours");
    await client.updateConnectionProfile({ id, config: secret("after") });
    await freeIn("attempts-set-back", "40 minutes");
    expect(await failureOf(client.updateConnectionProfile({ id, config: secret("more") }))).toMatchObject(tooMany);
  });

  test("leave nothing behind once they are free again, or the profile is expunged", async () => {
    const client = service.clientOf("attempts-swept");
    const [first, second, third] = [
      await createIn(client, "a"),
      await createIn(client, "b"),
      await createIn(client, "c"),
    ];
    for (const id of [first, second]) await client.updateConnectionProfile({ id, config: secret("once") });
    const rows = () => service.knex("secret_attempt").where({ organization_id: "attempts-swept" }).pluck("subject");
    await service.knex.raw("update secret_attempt set free_at = now() - interval '1 second' where subject = ?", [
      first,
    ]);
    await client.updateConnectionProfile({ id: third, config: secret("once") });
    expect(new Set(await rows())).toEqual(new Set([second, third]));
    for (const id of [second, third]) await client.expungeConnectionProfile({ id });
    expect(await rows()).toEqual([]);
  });
});

describe("a request_id", () => {
  test("is answered as often as its request comes, and tells of 30 guesses in a row at most", async () => {
    const client = service.clientOf("attempts-replay");
    const request = { requestId: randomUUID(), name: "a", config: secret("right") };
    const first = await client.createConnectionProfile(request);
    for (let index = 0; index < 35; index += 1) expect(await client.createConnectionProfile(request)).toEqual(first);
    const guesses = Array.from({ length: 40 }, (_, index) =>
      failureOf(client.createConnectionProfile({ ...request, config: secret(index), validateOnly: index % 2 === 0 })),
    );
    const reasons = (await Promise.all(guesses)).map(({ reason }) => reason);
    // On a very slow machine a minute goes by meanwhile, and lets one more in.
    expect(reasons.filter((reason) => reason === "REQUEST_ID_REUSED").length).toBeGreaterThanOrEqual(30);
    expect(reasons.filter((reason) => reason === "TOO_MANY_ATTEMPTS").length).toBeGreaterThan(0);
    expect(new Set(reasons)).toEqual(new Set(["REQUEST_ID_REUSED", "TOO_MANY_ATTEMPTS"]));
    await freeIn("attempts-replay", "40 minutes");
    // The right one looks like the others, now.
    expect(await failureOf(client.createConnectionProfile(request))).toMatchObject(tooMany);
    await freeIn("attempts-replay", "0 minutes");
    expect(await client.createConnectionProfile(request)).toEqual(first);
  });
});
