import { randomUUID } from "node:crypto";
import { create, toJson } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  CreateConnectionProfileRequestSchema,
  ValidationMode,
} from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { canonicalJson } from "../../../src/connection-profiles/config/canonical-json.ts";
import { createRequestDigest } from "../../../src/connection-profiles/store/request-digest.ts";
import { canary } from "../../support/canary.ts";
import { failureOf } from "../expect-error.ts";
import { type ProfileClient, secretKeys, startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
beforeAll(async () => {
  service = await startProfileService();
});
afterAll(() => service.drop());

const postgres = (change: { password?: string } = {}) => ({
  connector: { case: "postgres" as const, value: { host: "db.example", username: "ann", ...change } },
});

async function createIn(client: ProfileClient, name: string) {
  const { connectionProfile } = await client.createConnectionProfile({ name, config: postgres() });
  if (connectionProfile === undefined) throw new Error("nothing was created");
  return connectionProfile;
}

describe("a create with a request_id", () => {
  test("is done once, however often it is sent, also at once", async () => {
    const client = service.clientOf("idempotent");
    const request = {
      requestId: randomUUID(),
      name: "a",
      labels: { a: "1", b: "2" },
      config: postgres({ password: canary("idempotent") }),
    };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        client.createConnectionProfile(index % 2 === 0 ? request : { ...request, labels: { b: "2", a: "1" } }),
      ),
    );
    expect(new Set(answers.map(({ connectionProfile }) => connectionProfile?.id)).size).toBe(1);
    await client.updateConnectionProfile({ id: answers[0]?.connectionProfile?.id ?? "", name: "renamed" });
    // The answer is the first one's, whatever has happened since.
    expect(await client.createConnectionProfile(request)).toEqual(answers[0]);
    expect(await service.knex("event").where({ organization_id: "idempotent" })).toHaveLength(2);
    const others = [{ name: "b" }, { config: postgres({ password: canary("changed") }) }, { labels: {} }];
    for (const change of others)
      expect(await failureOf(client.createConnectionProfile({ ...request, ...change }))).toMatchObject({
        code: "InvalidArgument",
        reason: "REQUEST_ID_REUSED",
        fields: ["request_id"],
      });
    // Another organization's ids are its own.
    await service.clientOf("idempotent-other").createConnectionProfile({ ...request, name: "b" });
    expect(await failureOf(client.createConnectionProfile({ ...request, requestId: "once" }))).toMatchObject({
      fields: ["request_id"],
    });
  });

  test("belongs to its caller: another user's same id is another request, and says nothing about the first", async () => {
    const [ann, ben] = [service.clientOf("idempotent-own", "ann"), service.clientOf("idempotent-own", "ben")];
    const request = { requestId: randomUUID(), name: "a", config: postgres({ password: canary("of-ann") }) };
    const { connectionProfile: first } = await ann.createConnectionProfile(request);
    for (const guess of [canary("of-ann"), canary("guessed")]) {
      const config = postgres({ password: guess });
      expect(await failureOf(ben.createConnectionProfile({ ...request, config }))).toMatchObject({
        reason: "PROFILE_NAME_TAKEN",
      });
    }
    const own = { ...request, name: "b" };
    const { connectionProfile: second } = await ben.createConnectionProfile(own);
    expect(second?.id).not.toBe(first?.id);
    expect((await ben.createConnectionProfile(own)).connectionProfile).toEqual(second);
    expect((await ann.createConnectionProfile(request)).connectionProfile).toEqual(first);
    const bodies = await service
      .knex("connection_profile_request")
      .where({ organization_id: "idempotent-own" })
      .pluck("body");
    expect(new Set(bodies).size).toBe(2);
  });

  test("that a former version has kept is answered to who sent it, and to nobody else", async () => {
    const [ann, ben] = [service.clientOf("idempotent-former", "ann"), service.clientOf("idempotent-former", "ben")];
    const request = { requestId: randomUUID(), name: "a", config: postgres({ password: canary("former") }) };
    const { connectionProfile } = await ann.createConnectionProfile(request);
    // Such a row has the request_id itself, and a digest of the request alone.
    const body = canonicalJson(
      toJson(
        CreateConnectionProfileRequestSchema,
        create(CreateConnectionProfileRequestSchema, { ...request, requestId: "" }),
      ),
    );
    await service
      .knex("connection_profile_request")
      .where({ organization_id: "idempotent-former" })
      .update({ request_id: request.requestId, body: await createRequestDigest(secretKeys("k1")).make(body) });
    expect((await ann.createConnectionProfile(request)).connectionProfile).toEqual(connectionProfile);
    expect(await failureOf(ann.createConnectionProfile({ ...request, name: "b" }))).toMatchObject({
      reason: "REQUEST_ID_REUSED",
    });
    expect((await ben.createConnectionProfile({ ...request, name: "b" })).connectionProfile?.name).toBe("b");
  });

  test("that failed has not used its id up", async () => {
    const client = service.clientOf("idempotent-failed");
    const { id } = await createIn(client, "taken");
    const request = { requestId: randomUUID(), name: "taken", config: postgres() };
    expect(await failureOf(client.createConnectionProfile(request))).toMatchObject({ reason: "PROFILE_NAME_TAKEN" });
    await client.deleteConnectionProfile({ id });
    const { connectionProfile } = await client.createConnectionProfile(request);
    expect(connectionProfile?.name).toBe("taken");
  });

  test("and LIVE is answered without another test, also when the system is down by then", async () => {
    const page = { resources: [], nextCursor: "" };
    const report = { $typeName: "connectory.v1.TestReport" as const, steps: [], facts: [] };
    let error = false;
    const runTest = async () => ({ error, message: "", report, page });
    const client = service.clientOf("idempotent-live", "ann", { runTest });
    const request = { requestId: randomUUID(), name: "a", config: postgres(), validationMode: ValidationMode.LIVE };
    const { connectionProfile } = await client.createConnectionProfile(request);
    error = true;
    expect((await client.createConnectionProfile(request)).connectionProfile).toEqual(connectionProfile);
    expect(await failureOf(client.createConnectionProfile({ ...request, name: "b" }))).toMatchObject({
      reason: "REQUEST_ID_REUSED",
    });
  });

  test("leaves nothing behind: not after a day, and not after the profile was expunged", async () => {
    const client = service.clientOf("idempotent-swept");
    const rows = () => service.knex("connection_profile_request").where({ organization_id: "idempotent-swept" });
    const create = async (name: string) => {
      const request = { requestId: randomUUID(), name, config: postgres() };
      return (await client.createConnectionProfile(request)).connectionProfile?.id ?? "";
    };
    await create("a");
    await rows().update({ created_at: new Date(Date.now() - 25 * 3_600_000) });
    const id = await create("b");
    expect(await rows()).toHaveLength(1);
    await client.expungeConnectionProfile({ id });
    expect(await rows()).toEqual([]);
  });

  test("may use the id again after a day", async () => {
    const client = service.clientOf("idempotent-old");
    const request = { requestId: randomUUID(), name: "a", config: postgres() };
    await client.createConnectionProfile(request);
    const rows = service.knex("connection_profile_request").where({ organization_id: "idempotent-old" });
    await rows.update({ created_at: new Date(Date.now() - 25 * 3_600_000) });
    const { connectionProfile } = await client.createConnectionProfile({ ...request, name: "b" });
    expect(connectionProfile?.name).toBe("b");
  });
});
