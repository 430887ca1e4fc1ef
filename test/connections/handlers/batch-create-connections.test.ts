import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { type Client, Code, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type BatchCreateConnectionsResult,
  ConnectionService,
} from "../../../gen/connectory/v1/connection_service_pb.js";
import { BadRequestSchema, ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";
import { errorDetailRegistry } from "../../../src/server/dispatch/error-detail-registry.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { connectClients } from "../../support/clients.ts";
import { refusalOf } from "../expect-error.ts";

let app: TestApp;
let alice: Client<typeof ConnectionService>;
beforeAll(async () => {
  app = await startTestApp();
  alice = connectClients(ConnectionService, app, await app.token()).grpc;
});
afterAll(() => app.stop());

/** What became of one: the id of its connection, or the reason and the fields of its error. */
function outcomeOf({ result }: BatchCreateConnectionsResult) {
  if (result.case === "connection") return { id: result.value.id };
  const details = result.value?.details ?? [];
  const info = details.map((detail) => anyUnpack(detail, ErrorInfoSchema)).find((found) => found !== undefined);
  const fields = details.flatMap((detail) => anyUnpack(detail, BadRequestSchema)?.fieldViolations ?? []);
  return {
    code: result.value?.code,
    reason: info?.reason,
    fields: fields.map(({ field }) => field),
    metadata: info?.metadata,
  };
}

const uuid = "0190a6c0-0000-7000-8000-000000000077";

describe("BatchCreateConnections", () => {
  test("writes 500 in one call, each with its event and its revision", async () => {
    const requests = Array.from({ length: 500 }, (_, index) => ({ userId1: "all-a", userId2: `all-b-${index}` }));
    const { results, revision } = await alice.batchCreateConnections({ requests });
    expect(results).toHaveLength(500);
    const stored = new Map(
      (await app.knex("event").where({ type: "connection.created" }).select("subject", "revision", "key")).map(
        (event: { subject: string; revision: bigint; key: string }) => [event.subject, event],
      ),
    );
    for (const [index, { result, revision: own }] of results.entries()) {
      if (result.case !== "connection") throw new Error(`${index} was refused`);
      expect(stored.get(result.value.id)).toMatchObject({ revision: own, key: `all-a,all-b-${index}` });
    }
    expect(new Set(results.map((result) => result.revision)).size).toBe(500);
    expect(revision).toBe(results.map((result) => result.revision).reduce((a, b) => (a > b ? a : b)));
  });

  test("answers for each what CreateConnection would have, in their order", async () => {
    const there = await alice.createConnection({ userId1: "x", userId2: "y", connectionId: uuid });
    const { results, revision } = await alice.batchCreateConnections({
      requests: [
        { userId1: "one", userId2: "two" },
        { userId1: "x", userId2: "y" },
        { userId1: "v", userId2: "w", connectionId: uuid },
        { userId1: "b", userId2: "a" },
        { userId1: "a", userId2: "a" },
        { userId1: "not ok", userId2: "" },
        { userId1: "one", userId2: "two" },
        { userId1: "p", userId2: "q", connectedSince: { seconds: 1n << 60n } },
        { userId1: "three", userId2: "two" },
      ],
    });
    const reasons = results.map((result) => outcomeOf(result));
    expect(reasons).toEqual([
      { id: expect.any(String) },
      {
        code: Code.AlreadyExists,
        reason: "CONNECTION_ALREADY_EXISTS",
        fields: ["user_id_1", "user_id_2"],
        metadata: { id: uuid },
      },
      { code: Code.AlreadyExists, reason: "CONNECTION_ID_TAKEN", fields: ["connection_id"], metadata: { id: uuid } },
      { code: Code.InvalidArgument, reason: "USER_IDS_OUT_OF_ORDER", fields: ["user_id_1"], metadata: {} },
      { code: Code.InvalidArgument, reason: "USER_IDS_EQUAL", fields: ["user_id_2"], metadata: {} },
      { code: Code.InvalidArgument, reason: "FIELD_INVALID", fields: ["user_id_1", "user_id_2"], metadata: {} },
      {
        code: Code.AlreadyExists,
        reason: "CONNECTION_ALREADY_EXISTS",
        fields: ["user_id_1", "user_id_2"],
        metadata: { id: reasons[0]?.id },
      },
      { code: Code.InvalidArgument, reason: "FIELD_INVALID", fields: ["connected_since"], metadata: {} },
      { id: expect.any(String) },
    ]);
    expect(results.map((result) => result.revision > 0n)).toEqual(
      results.map((result) => result.result.case === "connection"),
    );
    expect(revision).toBe(there.revision + 2n);
  });

  test("none written is revision 0", async () => {
    expect(await alice.batchCreateConnections({ requests: [{ userId1: "b", userId2: "a" }] })).toMatchObject({
      revision: 0n,
    });
  });

  test("no item, or more than 500, is refused whole", async () => {
    const requests = Array.from({ length: 501 }, (_, index) => ({ userId1: "many-a", userId2: `many-b-${index}` }));
    for (const wrong of [[], requests])
      expect(await refusalOf(alice.batchCreateConnections({ requests: wrong }))).toMatchObject({
        reason: "FIELD_INVALID",
        fields: ["requests"],
      });
    expect(await app.knex("connection").where({ user_id_1: "many-a" })).toEqual([]);
  });

  test("needs connections.write, and holds CONNECTION_ACCESS for each", async () => {
    const viewer = connectClients(ConnectionService, app, await app.token({ roles: ["viewer"] })).grpc;
    expect(
      await refusalOf(viewer.batchCreateConnections({ requests: [{ userId1: "a", userId2: "b" }] })),
    ).toMatchObject({
      reason: "PERMISSION_MISSING",
    });
    const strict = await startTestApp({ CONNECTION_ACCESS: "participant" });
    const member = connectClients(ConnectionService, strict, await strict.token({ roles: ["member"] })).grpc;
    const { results } = await member.batchCreateConnections({
      requests: [
        { userId1: "bob", userId2: "carol" },
        { userId1: "alice", userId2: "bob" },
      ],
    });
    expect(results.map((result) => outcomeOf(result))).toMatchObject([
      { reason: "NOT_A_PARTICIPANT", code: Code.PermissionDenied },
      { id: expect.any(String) },
    ]);
    await strict.stop();
  });

  test("its errors have a JSON form for who knows the types of their details", async () => {
    const transport = createConnectTransport({
      baseUrl: app.httpUrl,
      httpVersion: "1.1",
      useBinaryFormat: false,
      jsonOptions: { registry: errorDetailRegistry },
      interceptors: [
        (next) => async (request) => {
          request.header.set("authorization", `Bearer ${await app.token()}`);
          return next(request);
        },
      ],
    });
    const { results } = await createClient(ConnectionService, transport).batchCreateConnections({
      requests: [{ userId1: "x", userId2: "y" }],
    });
    expect(results.map((result) => outcomeOf(result))).toMatchObject([{ reason: "CONNECTION_ALREADY_EXISTS" }]);
  });

  test("the database going away fails the call, not items, and the same request_ids bring what was written", async () => {
    const own = await startTestApp();
    const client = connectClients(ConnectionService, own, await own.token()).grpc;
    const requests = Array.from({ length: 500 }, (_, index) => ({
      userId1: "a",
      userId2: `b-${index}`,
      requestId: crypto.randomUUID(),
    }));
    const [first] = await Promise.allSettled([client.batchCreateConnections({ requests }), own.breakDatabase()]);
    const gone = { code: Code.Unavailable, reason: "DATABASE_UNAVAILABLE", retries: true };
    if (first.status === "rejected") expect(await refusalOf(Promise.reject(first.reason))).toMatchObject(gone);
    expect(await refusalOf(client.batchCreateConnections({ requests }))).toMatchObject(gone);
    await own.mendDatabase();
    await expect.poll(() => client.countConnections({ userId: "a" })).toBeDefined();
    const { results } = await client.batchCreateConnections({ requests });
    expect(results.every(({ result }) => result.case === "connection")).toBe(true);
    expect(await own.knex("connection").pluck("user_id_2")).toHaveLength(500);
    await own.stop();
  });
});
