import { connect, constants } from "node:http2";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { startTestApp, type TestApp } from "../support/app.ts";
import { grpcJsClient } from "../support/clients.ts";

const kilobyte = 1000;
let app: TestApp;
let small: TestApp;
let token: string;
beforeAll(async () => {
  app = await startTestApp();
  small = await startTestApp({ MAX_HEADER_BYTES: "8192" });
  token = await app.token();
});
afterAll(async () => {
  await app.stop();
  await small.stop();
});

/** A call over HTTP/2 with headers of so many bytes in each; what became of it, and of another call beside it. */
async function call(address: string, path: string, bytes: readonly number[], type: string) {
  const session = connect(`http://${address}`, { maxSendHeaderBlockLength: 1_000_000 });
  session.on("error", () => {});
  const send = (headers: Record<string, string>) =>
    new Promise<{ status: number | undefined; reset: number }>((resolve) => {
      let status: number | undefined;
      const stream = session.request({
        ":method": "POST",
        ":path": path,
        "content-type": type,
        te: "trailers",
        ...headers,
      });
      stream.on("response", (head) => {
        status = Number(head["grpc-status"] ?? head[":status"]);
      });
      stream.on("error", () => {});
      stream.on("close", () => resolve({ status, reset: stream.rstCode }));
      stream.resume().end();
    });
  await send({}); // the settings of the server are known now
  const large = Object.fromEntries(bytes.map((size, index) => [`x-${index}`, "a".repeat(size)]));
  const outcomes = await Promise.all([send(large), send({})]);
  session.close();
  return outcomes;
}

describe("headers", () => {
  test.each([15, 17, 33, 60])("with a token of %i kB are read on both ports", async (size) => {
    // As a token it is none, which is what the answers say: they have read it.
    const authorization = `Bearer ${"a".repeat(size * kilobyte)}`;
    const rest = await fetch(`${app.httpUrl}/v1/connectors`, { headers: { authorization } });
    expect([rest.status, ((await rest.json()) as { reason: string }).reason]).toEqual([401, "TOKEN_INVALID"]);
    expect(await codeOverGrpc(app, { authorization })).toBe(16);
  });

  test("over the limit are 431 over HTTP/1.1 and HTTP/2, RESOURCE_EXHAUSTED over gRPC, and other calls go on", async () => {
    const [http, grpc] = [new URL(app.httpUrl).host, app.grpcAddress];
    const response = await fetch(`${app.httpUrl}/v1/connectors`, { headers: { x: "a".repeat(70 * kilobyte) } });
    expect([response.status, await response.json()]).toEqual([
      431,
      expect.objectContaining({ code: "RESOURCE_EXHAUSTED" }),
    ]);
    const two = [33 * kilobyte, 33 * kilobyte];
    expect(await call(http, "/v1/connectors", two, "application/json")).toMatchObject([
      { status: 431 },
      { status: 405 },
    ]);
    const path = "/connectory.v1.ConnectionService/CountConnections";
    expect(await call(grpc, path, two, "application/grpc")).toEqual([
      { status: undefined, reset: constants.NGHTTP2_ENHANCE_YOUR_CALM },
      { status: 16, reset: constants.NGHTTP2_NO_ERROR },
    ]);
    const large = "a".repeat(33 * kilobyte);
    const authorization = `Bearer ${token}`;
    expect(await codeOverGrpc(app, { authorization, "x-a": large, "x-b": large })).toBe(8);
    expect(await codeOverGrpc(app, { authorization })).toBe(0);
  });

  test("have the limit of MAX_HEADER_BYTES on both ports, which clients of HTTP/2 are told", async () => {
    const authorization = `Bearer ${"a".repeat(9 * kilobyte)}`;
    expect((await fetch(`${small.httpUrl}/v1/connectors`, { headers: { authorization } })).status).toBe(431);
    expect(await codeOverGrpc(small, { authorization })).toBe(8);
    const session = connect(`http://${small.grpcAddress}`);
    await expect.poll(() => session.remoteSettings?.maxHeaderListSize).toBe(8192);
    session.close();
    const client = createClient(ConnectionService, createGrpcTransport({ baseUrl: `http://${small.grpcAddress}` }));
    await expect(client.countConnections({ userId: "a" })).rejects.toThrow(/unauthenticated/);
  });
});

/** The code of a call of grpc-js; 0 for a success. */
async function codeOverGrpc({ grpcAddress }: TestApp, headers: Record<string, string>): Promise<number> {
  const client = grpcJsClient(ConnectionService, grpcAddress);
  try {
    await client.call(ConnectionService.method.countConnections, { userId: "a" }, headers);
    return 0;
  } catch (error) {
    return (error as ServiceError).code;
  } finally {
    client.close();
  }
}
