import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { startTestApp, type TestApp } from "../support/app.ts";
import { connectClients, grpcJsClient } from "../support/clients.ts";

let app: TestApp;
let token: string;
beforeAll(async () => {
  app = await startTestApp();
  token = await app.token();
});
afterAll(() => app.stop());

describe.each(["connect-json", "connect-binary", "grpc-web", "grpc"] as const)("a %s client", (protocol) => {
  test("creates a connection and reads it back, by id and by the pair in either order", async () => {
    const client = connectClients(ConnectionService, app, token)[protocol];
    const [userId1, userId2] = [`a-${protocol}`, `b-${protocol}`];
    const { connection, revision } = await client.createConnection({ userId1, userId2 });
    expect(revision).toBeGreaterThan(0n);
    expect(connection).toMatchObject({ userId1, userId2, isActive: true, recordVersion: 1, owner: "alice" });
    const id = connection?.id ?? "";
    expect((await client.getConnection({ id })).connection).toEqual(connection);
    expect((await client.getConnection({ userId1, userId2 })).connection).toEqual(connection);
    expect((await client.getConnection({ userId1: userId2, userId2: userId1 })).connection).toEqual(connection);
  });

  test("creates a profile and reads it back with its description", async () => {
    const client = connectClients(ConnectionProfileService, app, token)[protocol];
    const config = { connector: { case: "kafka", value: { bootstrapServers: "broker1:9092,broker2:9092" } } } as const;
    const { connectionProfile } = await client.createConnectionProfile({ name: `kafka over ${protocol}`, config });
    expect(connectionProfile?.description).toBe("broker1:9092,broker2:9092");
    expect((await client.getConnectionProfile({ id: connectionProfile?.id ?? "" })).connectionProfile).toEqual(
      connectionProfile,
    );
  });

  test("gets an error with its code, its reason and the request id", async () => {
    const client = connectClients(ConnectionService, app, token)[protocol];
    const error = await client
      .createConnection({ userId1: "b", userId2: "a" }, { headers: { "x-request-id": "my-call" } })
      .catch((thrown: unknown) => ConnectError.from(thrown));
    if (!(error instanceof ConnectError)) throw new Error("the call should have failed");
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.findDetails(ErrorInfoSchema)[0]).toMatchObject({
      reason: "USER_IDS_OUT_OF_ORDER",
      domain: "connectory",
    });
    expect(error.metadata.get("x-request-id")).toBe("my-call");
  });
});

test("a grpc-js client creates a connection and reads it back", async () => {
  const { createConnection, getConnection } = ConnectionService.method;
  const headers = { authorization: `Bearer ${token}` };
  const client = grpcJsClient(ConnectionService, app.grpcAddress);
  const created = await client.call(createConnection, { userId1: "a-js", userId2: "b-js" }, headers);
  // Compressed this time: the server must read gzip.
  const compressing = grpcJsClient(ConnectionService, app.grpcAddress, { "grpc.default_compression_algorithm": 2 });
  const read = await compressing.call(getConnection, { id: created.connection?.id ?? "" }, headers);
  expect(read.connection).toEqual(created.connection);
  client.close();
  compressing.close();
});
