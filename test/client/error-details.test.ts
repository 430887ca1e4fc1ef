import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import {
  isReason,
  metadataOf,
  orderedPair,
  preconditionsOf,
  reasonOf,
  reportOf,
  requestIdOf,
  retryAfterOf,
  violationsOf,
} from "../../src/client/index.ts";
import { type ConnectoryClient, createConnectoryClient } from "../../src/client/node/index.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { failure } from "./serve-scripted.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

async function connect(transport: "grpc" | "connect" | "grpc-web"): Promise<ConnectoryClient> {
  const baseUrl = transport === "grpc" ? `http://${app.grpcAddress}` : app.httpUrl;
  return createConnectoryClient({ baseUrl, transport, token: await app.token() });
}

const thrownBy = (call: Promise<unknown>) =>
  call.then(
    () => expect.unreachable("the call should have failed"),
    (error: unknown) => error,
  );

describe.each(["grpc", "connect", "grpc-web"] as const)("an error over %s", (transport) => {
  test("has its reason, what came with it, and the request's id", async () => {
    const { connections } = await connect(transport);
    const pair = orderedPair(`b-${transport}`, `a-${transport}`);
    const { connection } = await connections.createConnection(pair);
    const error = await thrownBy(connections.createConnection(pair, { headers: { "x-request-id": "call-7" } }));
    expect(isReason(error, ErrorReason.CONNECTION_ALREADY_EXISTS)).toBe(true);
    expect(isReason(error, ErrorReason.CONNECTION_ID_TAKEN)).toBe(false);
    expect(metadataOf(error).id).toBe(connection?.id);
    expect(requestIdOf(error)).toBe("call-7");
    expect([preconditionsOf(error), retryAfterOf(error), reportOf(error)]).toEqual([[], undefined, undefined]);
  });

  test("names the fields that are wrong", async () => {
    const { connections } = await connect(transport);
    const error = await thrownBy(connections.createConnection({ userId1: "?", userId2: "" }));
    expect(reasonOf(error)).toBe(ErrorReason.FIELD_INVALID);
    expect(violationsOf(error).map(({ field }) => field)).toEqual(["user_id_1", "user_id_2"]);
  });

  test("names what has to be done first", async () => {
    const { connectionProfiles } = await connect(transport);
    const config = (host: string, password: string) =>
      ({ connector: { case: "postgres", value: { host, username: "u", ...(password && { password }) } } }) as const;
    const name = `rebind over ${transport}`;
    const { connectionProfile } = await connectionProfiles.createConnectionProfile({ name, config: config("a", "p") });
    const id = connectionProfile?.id ?? "";
    const error = await thrownBy(connectionProfiles.updateConnectionProfile({ id, config: config("b", "") }));
    expect(reasonOf(error)).toBe(ErrorReason.SECRET_REBIND_REQUIRED);
    expect(preconditionsOf(error).map(({ subject }) => subject)).toEqual(["config.postgres.password"]);
  });

  test("brings the report of a live test", async () => {
    const { connectionProfiles } = await connect(transport);
    const config = { connector: { case: "postgres", value: { host: "127.0.0.1", port: 1, username: "u" } } } as const;
    const error = await thrownBy(connectionProfiles.discoverConnectionProfile({ config }));
    expect(reasonOf(error)).toBe(ErrorReason.TARGET_UNUSABLE);
    expect(reportOf(error)?.steps.length).toBeGreaterThan(0);
  });

  test("of one request of a batch is read in the same way", async () => {
    const { connections } = await connect(transport);
    const requests = [orderedPair(`c-${transport}`, `d-${transport}`), { userId1: "b", userId2: "a" }];
    const { results } = await connections.batchCreateConnections({ requests });
    const errors = results.map(({ result }) => (result.case === "error" ? result.value : undefined));
    expect(errors.map(reasonOf)).toEqual([undefined, ErrorReason.USER_IDS_OUT_OF_ORDER]);
    expect(violationsOf(errors[1]).map(({ field }) => field)).toEqual(["user_id_1"]);
  });
});

test("the time to come back is in milliseconds", () => {
  expect(retryAfterOf(failure(ErrorReason.QUEUE_FULL, { retryAfterMs: 1500 }))).toBe(1500);
});

test("what is no error of the server has no reason", () => {
  const foreign = failure(ErrorReason.FIELD_INVALID);
  const details = [{ ...foreign.details[0], value: { reason: "FIELD_INVALID", domain: "elsewhere", metadata: {} } }];
  Object.assign(foreign, { details });
  for (const error of [
    new ConnectError("away", Code.Unavailable),
    new Error("no"),
    "no",
    undefined,
    null,
    {},
    foreign,
  ]) {
    expect(reasonOf(error)).toBeUndefined();
    expect(isReason(error, ErrorReason.FIELD_INVALID)).toBe(false);
  }
  expect([metadataOf("no"), violationsOf(1), retryAfterOf({}), requestIdOf([])]).toEqual([
    {},
    [],
    undefined,
    undefined,
  ]);
});

test("a reason that is newer than the client is unknown, not another one", () => {
  for (const reason of ["BORN_LATER", "1", "toString", "ERROR_REASON_FIELD_INVALID"]) {
    const newer = failure(ErrorReason.FIELD_INVALID);
    Object.assign(newer, {
      details: [{ ...newer.details[0], value: { reason, domain: "connectory", metadata: { is: "there" } } }],
    });
    expect(reasonOf(newer)).toBeUndefined();
    expect(metadataOf(newer)).toEqual({ is: "there" });
  }
});
