import type { DescMethod, JsonObject } from "@bufbuild/protobuf";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { permissionsOf } from "../../../src/auth/permissions.ts";
import { ApiError } from "../../../src/errors/api-error.ts";
import { authenticate } from "../../../src/interceptors/authenticate.ts";
import { mapErrors } from "../../../src/interceptors/map-errors.ts";
import { requestId } from "../../../src/interceptors/request-id.ts";
import { routesOf } from "../../../src/server/dispatch/route.ts";
import { serveGrpc } from "../../../src/server/grpc/grpc-server.ts";
import { serveHttp } from "../../../src/server/http-server.ts";
import { serveMcp } from "../../../src/server/mcp/serve-mcp.ts";
import { serveRest } from "../../../src/server/rest/serve-rest.ts";
import { loadShedderForTests } from "../../support/load-shedder.ts";
import { openProtocols, protocolNames } from "./open-protocols.ts";

const reasons = Object.values(ErrorReason).filter(
  (reason): reason is ErrorReason => typeof reason === "number" && reason !== ErrorReason.UNSPECIFIED,
);
let thrown = ErrorReason.UNSPECIFIED;

/** Verbs that all fail in the way that is asked for, with everything that an error can carry. */
const failing: ProxyHandler<object> = {
  get: (_, name) => {
    const fail = () => {
      throw new ApiError(thrown, `it is said that ${ErrorReason[thrown]}`, {
        metadata: { id: "one", permission: "connections.read" },
        fieldViolations: [{ field: name === "getConnection" ? "user_id_1" : "id", description: "is at fault" }],
        preconditionViolations: [{ type: "FIRST", subject: "id", description: "do that first" }],
        retryAfterMs: 1500,
      });
    };
    if (name !== "streamConnectionProfileTest" && name !== "watchConnections") return fail;
    // biome-ignore lint/correctness/useYield: a stream that fails before its first message
    return async function* () {
      fail();
    };
  },
};

let stop: () => Promise<unknown>;
let protocols: ReturnType<typeof openProtocols>;

beforeAll(async () => {
  const log = pino({ level: "silent" });
  const principal = {
    userId: "alice",
    organizationId: "acme",
    permissions: permissionsOf(["admin"]),
    expiresAt: Number.POSITIVE_INFINITY,
    sessionId: "",
  };
  const verifyToken = async () => principal;
  const interceptors = [requestId, mapErrors(log), authenticate(verifyToken)];
  const routes = [ConnectionService, ConnectionProfileService].flatMap((service) =>
    routesOf(service, new Proxy({}, failing) as never),
  );
  const common = {
    host: "127.0.0.1",
    port: 0,
    routes,
    interceptors,
    observe: [],
    preBody: [],
    access: [],
    maxMessageBytes: 100_000,
    tls: undefined,
    shedder: loadShedderForTests(),
  };
  const grpc = await serveGrpc({
    ...common,
    connectionLimits: { total: 100, perAddress: 100 },
    httpPort: 0,
  });
  const rejectMember = (_: unknown, name: string) => new ApiError(ErrorReason.CONNECTOR_UNKNOWN, name);
  const rest = serveRest({
    ...common,
    log,
    appVersion: "1",
    rejectMember,
  });
  const mcp = serveMcp({
    rejectMember,
    routes,
    interceptors,
    verifyToken,
    checkLoad: () => {},
    issuer: undefined,
    corsOrigins: [],
    version: "1",
    log,
  });
  const connectionLimits = { total: 1000, perAddress: 1000 };
  const open = {
    connectionLimits,
    preBody: [],
    corsOrigins: [],
    plugins: [rest, mcp],
    checkHealth: async () => undefined,
    log,
  };
  const http = await serveHttp({ ...common, ...open });
  protocols = openProtocols({ grpcAddress: `127.0.0.1:${grpc.port}`, httpUrl: `http://127.0.0.1:${http.port}` });
  stop = () => Promise.all([grpc.stop(100), http.stop(100)]);
});
afterAll(() => stop());

const calls: [string, DescMethod, JsonObject][] = [
  ["an answer in an envelope", ConnectionService.method.getConnection, { id: "01900000-0000-7000-8000-000000000000" }],
  ["a flat answer", ConnectionProfileService.method.getConnectionProfile, { id: "cp_0123456789" }],
  ["a write", ConnectionService.method.createConnection, { userId1: "alice", userId2: "bob" }],
  ["a stream", ConnectionProfileService.method.streamConnectionProfileTest, { id: "cp_0123456789" }],
];

describe.each(calls)("every reason to refuse %s", (_, method, request) => {
  test.each(protocolNames)("comes out of %s as out of gRPC", async (name) => {
    for (const reason of reasons) {
      thrown = reason;
      const expected = await protocols.grpc.ask(method, request, "any");
      expect(expected).toMatchObject({
        refused: { reason: ErrorReason[reason], retry: true, metadata: { id: "one" } },
      });
      expect(await protocols[name].ask(method, request, "any")).toEqual(expected);
    }
    expect(reasons.length).toBeGreaterThan(38);
  });
});
