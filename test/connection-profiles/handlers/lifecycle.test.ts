import { timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ProfileChange } from "../../../gen/connectory/v1/connection_profile_pb.js";
import { canary } from "../../support/canary.ts";
import { failureOf } from "../expect-error.ts";
import { type ProfileClient, startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
beforeAll(async () => {
  service = await startProfileService();
});
afterAll(() => service.drop());

const postgres = (change: { host?: string; username?: string; database?: string; password?: string } = {}) => ({
  connector: { case: "postgres" as const, value: { host: "db.example", username: "ann", ...change } },
});
const password = canary("lifecycle");

async function createIn(client: ProfileClient, name = "a", config = postgres({ password })) {
  const { connectionProfile } = await client.createConnectionProfile({ name, config });
  if (connectionProfile === undefined) throw new Error("nothing was created");
  return connectionProfile;
}

describe("deleting", () => {
  test("keeps the profile with its secrets out of the way, and undeleting has it back", async () => {
    const client = service.clientOf("delete");
    const created = await createIn(client);
    const { id } = created;
    const { connectionProfile: deleted, revision } = await client.deleteConnectionProfile({ id });
    expect(deleted).toMatchObject({ id, etag: "r2", revision: 2n });
    expect(revision).toBe(2n);
    expect(deleted?.deletedAt).toBeDefined();
    expect(timestampMs(deleted?.deletedAt ?? never)).toBeGreaterThanOrEqual(timestampMs(created.createdAt ?? never));
    expect((await client.listConnectionProfiles({})).connectionProfiles).toEqual([]);
    const { connectionProfiles } = await client.listConnectionProfiles({ showDeleted: true });
    expect(connectionProfiles).toEqual([deleted]);
    expect((await client.getConnectionProfile({ id })).connectionProfile).toEqual(deleted);

    const gone = { code: "FailedPrecondition", reason: "PROFILE_DELETED" };
    for (const call of [client.updateConnectionProfile, client.testConnectionProfile, client.discoverConnectionProfile])
      expect(await failureOf(call({ id }))).toMatchObject(gone);
    expect(await failureOf(client.rollbackConnectionProfile({ id, revision: 1n }))).toMatchObject(gone);
    expect(await failureOf(client.deleteConnectionProfile({ id }))).toMatchObject({ reason: "PROFILE_NOT_FOUND" });
    const again = { id, allowMissing: true, etag: created.etag };
    expect(await client.deleteConnectionProfile(again)).toMatchObject({ revision: 0n });

    const { connectionProfile: back } = await client.undeleteConnectionProfile({ id });
    expect(back).toMatchObject({ name: "a", revision: 3n });
    expect(back?.deletedAt).toBeUndefined();
    expect(back?.secrets).toEqual(created.secrets);
    expect(await failureOf(client.undeleteConnectionProfile({ id }))).toMatchObject({
      code: "AlreadyExists",
      reason: "PROFILE_NOT_DELETED",
    });
  });

  test("frees the name at once; undeleting needs it free", async () => {
    const client = service.clientOf("delete-name");
    const { id } = await createIn(client, "same");
    await client.deleteConnectionProfile({ id });
    const second = await createIn(client, "same");
    expect(await failureOf(client.undeleteConnectionProfile({ id }))).toMatchObject({
      reason: "PROFILE_NAME_TAKEN",
      metadata: { id: second.id },
    });
    await client.deleteConnectionProfile({ id: second.id });
    await client.undeleteConnectionProfile({ id });
    const { connectionProfiles } = await client.listConnectionProfiles({ showDeleted: true });
    expect(connectionProfiles.map(({ name }) => name)).toEqual(["same", "same"]);
  });

  test("twice at once deletes once", async () => {
    const client = service.clientOf("delete-race");
    const { id } = await createIn(client);
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => client.deleteConnectionProfile({ id })));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await service.knex("event").where({ organization_id: "delete-race" })).toHaveLength(2);
  });
});

describe("expunging", () => {
  test("removes the profile for good, with its secrets and its history", async () => {
    const client = service.clientOf("expunge");
    const { id } = await createIn(client);
    await client.deleteConnectionProfile({ id });
    expect(await client.expungeConnectionProfile({ id })).toMatchObject({ revision: 3n });
    for (const call of [client.getConnectionProfile, client.undeleteConnectionProfile, client.expungeConnectionProfile])
      expect(await failureOf(call({ id }))).toMatchObject({ code: "NotFound", reason: "PROFILE_NOT_FOUND" });
    for (const table of ["connection_profile", "connection_profile_secret", "connection_profile_revision"])
      expect(await service.knex(table).where({ organization_id: "expunge" })).toEqual([]);
    const events = await service.knex("event").where({ organization_id: "expunge" }).orderBy("revision");
    expect(events.map(({ type }) => type)).toEqual([
      "connection-profile.created",
      "connection-profile.deleted",
      "connection-profile.expunged",
    ]);
  });
});

describe("history", () => {
  test("has every state with who, when and what changed, the newest first, page by page", async () => {
    const ann = service.clientOf("history", "ann");
    const ben = service.clientOf("history", "ben");
    const { id } = await createIn(ann);
    await ben.updateConnectionProfile({ id, name: "b", labels: { team: "data" } });
    await ann.updateConnectionProfile({ id, config: postgres({ database: "shop", password: canary("second") }) });
    await ben.deleteConnectionProfile({ id });
    await ann.undeleteConnectionProfile({ id });
    const revisions = [];
    let pageToken = "";
    do {
      const page = await ann.listConnectionProfileRevisions({ id, pageSize: 2, pageToken });
      expect(page.revisions.length).toBeLessThanOrEqual(2);
      revisions.push(...page.revisions);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(
      revisions.map(({ revision, change, createdBy, changedFields }) => [
        revision,
        ProfileChange[change],
        createdBy,
        changedFields,
      ]),
    ).toEqual([
      [5n, "UNDELETED", "ann", ["deleted_at"]],
      [4n, "DELETED", "ben", ["deleted_at"]],
      [3n, "UPDATED", "ann", ["config.postgres.database", "config.postgres.password"]],
      [2n, "UPDATED", "ben", ["labels.team", "name"]],
      [1n, "CREATED", "ann", []],
    ]);
    const { connectionProfile: now } = await ann.getConnectionProfile({ id });
    expect(revisions[0]?.connectionProfile).toEqual(now);
    expect(revisions.at(-1)?.connectionProfile).toMatchObject({ name: "a", etag: "r1" });
    const other = service.clientOf("history-other");
    expect(await failureOf(other.listConnectionProfileRevisions({ id }))).toMatchObject({
      reason: "PROFILE_NOT_FOUND",
    });
  });

  test("can be gone back to; the secrets stay those of now", async () => {
    const client = service.clientOf("rollback", "ann");
    const { id } = await createIn(client);
    await client.updateConnectionProfile({ id, name: "b", labels: { x: "1" }, config: postgres({ database: "shop" }) });
    const { connectionProfile: now } = await client.getConnectionProfile({ id });
    const { connectionProfile: back } = await client.rollbackConnectionProfile({ id, revision: 1n });
    expect(back).toMatchObject({ name: "a", labels: {}, revision: 3n, description: "ann@db.example:5432/ann" });
    expect(back?.secrets).toEqual(now?.secrets);
    // The same again changes nothing, and writes nothing.
    expect((await client.rollbackConnectionProfile({ id, revision: 1n })).connectionProfile?.etag).toBe("r3");
    const { revisions } = await client.listConnectionProfileRevisions({ id });
    expect(revisions.map(({ change }) => ProfileChange[change])).toEqual(["ROLLED_BACK", "UPDATED", "CREATED"]);
    expect(await failureOf(client.rollbackConnectionProfile({ id, revision: 7n }))).toMatchObject({
      code: "NotFound",
      reason: "REVISION_NOT_FOUND",
    });
    expect(await failureOf(client.rollbackConnectionProfile({ id, revision: 2n, etag: "r1" }))).toMatchObject({
      code: "Aborted",
      reason: "ETAG_MISMATCH",
      metadata: { etag: "r3" },
    });
  });

  test("a state that sent the secrets elsewhere needs them again", async () => {
    const client = service.clientOf("rollback-rebind");
    const { id } = await createIn(client);
    await client.updateConnectionProfile({
      id,
      config: postgres({ host: "other.example", password: canary("other") }),
    });
    const call = { id, revision: 1n };
    expect(await failureOf(client.rollbackConnectionProfile(call))).toMatchObject({
      code: "FailedPrecondition",
      reason: "SECRET_REBIND_REQUIRED",
      metadata: { secrets: "config.postgres.password" },
    });
    const wrong = { ...call, secrets: { "tls.key": canary("x") } };
    expect(await failureOf(client.rollbackConnectionProfile(wrong))).toMatchObject({ fields: ['secrets["tls.key"]'] });
    const secrets = { password };
    const editor = service.clientOf("rollback-rebind", "ed", { permissions: ["profiles.write"] });
    expect(await failureOf(editor.rollbackConnectionProfile({ ...call, secrets }))).toMatchObject({
      code: "PermissionDenied",
      metadata: { permission: "profiles.rebind" },
    });
    const { connectionProfile } = await client.rollbackConnectionProfile({ ...call, secrets });
    expect(connectionProfile).toMatchObject({ description: "ann@db.example:5432/ann" });
  });
});

const never = { $typeName: "google.protobuf.Timestamp" as const, seconds: 0n, nanos: 0 };
