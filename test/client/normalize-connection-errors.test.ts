import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ConnectionChange } from "../../gen/connectory/v1/connection_service_pb.js";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import type { TransportName } from "../../src/client/index.ts";
import { createConnectoryClient } from "../../src/client/node/index.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { type FaultProxy, openFaultProxy } from "./open-fault-proxy.ts";
import { failure, serveScripted } from "./serve-scripted.ts";

let app: TestApp;
let token: string;
/** Takes connections and never says a word: a live test of it takes as long as it may. */
let mute: Server;
/** Speaks HTTP/1.1 and nothing else. */
let onlyHttp1: Server;
let proxies: Record<"grpc" | "http", FaultProxy>;
beforeAll(async () => {
  app = await startTestApp();
  token = await app.token();
  mute = createServer().listen(0, "127.0.0.1");
  onlyHttp1 = createHttpServer((_request, response) => response.end()).listen(0, "127.0.0.1");
  await Promise.all([once(mute, "listening"), once(onlyHttp1, "listening")]);
});
beforeEach(async () => {
  proxies = { grpc: await openFaultProxy(app.app.grpcPort), http: await openFaultProxy(app.app.httpPort) };
  return async () => {
    await proxies.grpc.close();
    await proxies.http.close();
  };
});
afterAll(async () => {
  await app.stop();
  mute.close();
  onlyHttp1.close();
});

const protocolOf = (transport: TransportName) => (transport === "grpc" ? "grpc" : "http");
const clientOf = (transport: TransportName, baseUrl: string, options: object = {}) =>
  createConnectoryClient({ baseUrl, transport, token, retry: false, ...options });
const portOf = (server: Server) => (server.address() as AddressInfo).port;
const endless = () =>
  ({
    config: { connector: { case: "postgres", value: { host: "127.0.0.1", port: portOf(mute), username: "u" } } },
  }) as const;
/** Leaves a call as soon as the test that it asked for has begun. */
const leave = async (call: (signal: AbortSignal) => Promise<unknown>) => {
  const leaving = new AbortController();
  mute.once("connection", () => leaving.abort());
  return await call(leaving.signal);
};
const failed = (call: Promise<unknown>) =>
  call.then(
    () => expect.unreachable("the call should have failed"),
    (error: unknown) => ConnectError.from(error),
  );

describe.each(["grpc", "connect", "grpc-web"] as const)("over %s", (transport) => {
  test("nobody there is UNAVAILABLE", async () => {
    for (const baseUrl of ["http://127.0.0.1:1", "http://no-such-host.invalid:1"]) {
      const error = await failed(clientOf(transport, baseUrl).connectionProfiles.listConnectors({}));
      expect(error.code).toBe(Code.Unavailable);
      expect(error.rawMessage).toContain(`no connection to ${baseUrl}`);
    }
  });

  test.each(["reset", "end"] as const)("a connection that breaks (%s) during a call is UNAVAILABLE", async (how) => {
    const proxy = proxies[protocolOf(transport)];
    const { connectionProfiles } = clientOf(transport, `http://${proxy.address}`);
    mute.once("connection", () => proxy.cut(how));
    const call = failed(connectionProfiles.testConnectionProfile(endless()));
    expect(Code[(await call).code]).toBe("Unavailable");
  });

  test.each(["reset", "end"] as const)("a stream that breaks (%s) is UNAVAILABLE", async (how) => {
    const proxy = proxies[protocolOf(transport)];
    const { connections } = clientOf(transport, `http://${proxy.address}`);
    const watching = async () => {
      for await (const _ of connections.watchConnections({})) proxy.cut(how);
    };
    expect(Code[(await failed(watching())).code]).toBe("Unavailable");
  });

  test("a call that the caller left, or that was too late, is that", async () => {
    const { connectionProfiles } = clientOf(transport, `http://${proxies[protocolOf(transport)].address}`);
    const left = await failed(leave((signal) => connectionProfiles.testConnectionProfile(endless(), { signal })));
    expect(Code[left.code]).toBe("Canceled");
    const late = await failed(connectionProfiles.listConnectors({}, { timeoutMs: 1 }));
    expect(Code[late.code]).toBe("DeadlineExceeded");
  });

  test("an interceptor of the caller's sees a call that was left as what it is", async () => {
    const seen: string[] = [];
    const note: Interceptor = (next) => (request) =>
      next(request).catch((error: unknown) => {
        seen.push(Code[ConnectError.from(error).code] ?? "");
        throw error;
      });
    const { address } = proxies[protocolOf(transport)];
    const { connectionProfiles } = clientOf(transport, `http://${address}`, { interceptors: [note] });
    await failed(leave((signal) => connectionProfiles.testConnectionProfile(endless(), { signal })));
    expect(seen).toEqual(["Canceled"]);
  });

  test("a port that speaks another HTTP is named, and the process lives on", async () => {
    const wrong = transport === "grpc" ? `http://127.0.0.1:${portOf(onlyHttp1)}` : `http://${app.grpcAddress}`;
    const client = clientOf(transport, wrong);
    for (let time = 0; time < 3; time++) {
      const error = await failed(client.connectionProfiles.listConnectors({}));
      expect(Code[error.code]).toBe("Internal");
      expect(error.rawMessage).toContain(`${wrong}/ does not speak ${transport === "grpc" ? "gRPC" : "HTTP/1.1"}`);
      expect(error.rawMessage).toMatch(/the port of gRPC/);
    }
    const stream = await failed(Array.fromAsync(client.connections.watchConnections({})));
    expect(stream.rawMessage).toContain("does not speak");
  });

  test("TLS where there is none is named", async () => {
    const http = new URL(app.httpUrl).host;
    for (const [address, code, message] of [
      [http, "Internal", "/ does not answer with TLS: is it an http:// address?"],
      [app.grpcAddress, "Unavailable", "before secure TLS connection was established: is it an http:// address?"],
    ] as const) {
      const error = await failed(clientOf(transport, `https://${address}`).connectionProfiles.listConnectors({}));
      expect(Code[error.code]).toBe(code);
      expect(error.rawMessage).toContain(`https://${address}/`);
      expect(error.rawMessage).toContain(message);
    }
  });
});

test("the HTTP port takes gRPC too", async () => {
  const { connectionProfiles, connections } = clientOf("grpc", app.httpUrl);
  expect((await connectionProfiles.listConnectors({})).connectors).not.toEqual([]);
  const first = await connections.watchConnections({})[Symbol.asyncIterator]().next();
  expect(first.value?.change).toBe(ConnectionChange.BOOKMARK);
});

test("what the server itself says stays as it is", async () => {
  const { baseUrl, stop } = await serveScripted({
    getConnection: () => {
      throw failure(ErrorReason.CANCELLED);
    },
  });
  const error = await failed(clientOf("grpc", baseUrl).connections.getConnection({ id: "x" }));
  expect([Code[error.code], error.rawMessage]).toEqual(["Canceled", "as the test says"]);
  await stop();
});

describe("what cannot work is refused before anything is dialled", () => {
  test.each([
    ["127.0.0.1:50051", "http://"],
    ["localhost:50051", "http://"],
    ["grpc://127.0.0.1:50051", "http://"],
    ["", "http://"],
    ["http://ann:secret@host", "user name or password"],
    ["http://host/?token=x", "query"],
    ["http://host/#x", "fragment"],
  ])("baseUrl %s", (baseUrl, why) => {
    expect(() => createConnectoryClient({ baseUrl, token })).toThrow(TypeError);
    expect(() => createConnectoryClient({ baseUrl, token })).toThrow(why);
  });

  test("a transport that does not exist", () => {
    const transport = "http" as unknown as "grpc";
    expect(() => createConnectoryClient({ baseUrl: "http://host", token, transport })).toThrow(
      'there is no transport "http": it is "grpc", "connect" or "grpc-web"',
    );
  });
});
