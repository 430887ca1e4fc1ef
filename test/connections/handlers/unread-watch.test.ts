import { once } from "node:events";
import { type ClientHttp2Stream, constants } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { test } from "vitest";
import { ConnectionService, WatchConnectionsRequestSchema } from "../../../gen/connectory/v1/connection_service_pb.js";
import { startTestApp } from "../../support/app.ts";
import { connectClients } from "../../support/clients.ts";
import { openHttp2 } from "../../support/http2-client.ts";
import { frameOf } from "../../support/raw-grpc.ts";

const rpc = "POST /connectory.v1.ConnectionService/WatchConnections";
const empty = frameOf(toBinary(WatchConnectionsRequestSchema, create(WatchConnectionsRequestSchema)));
const grpc = { what: rpc, type: "application/grpc", body: empty };
const ways = {
  grpc: { ...grpc, port: "grpc" },
  "grpc on the HTTP port": { ...grpc, port: "http" },
  connect: { what: rpc, type: "application/connect+json", body: frameOf(Buffer.from("{}")), port: "http" },
  rest: { what: "GET /v1/connections:watch", type: "application/json", body: "", port: "http" },
} as const;

// At once, because each waits for a real token to expire.
test.concurrent.for(Object.keys(ways) as (keyof typeof ways)[])(
  "a watch that nobody reads ends over %s when its token expires, and its stream is reset",
  async (way, { expect, onTestFinished }) => {
    const app = await startTestApp();
    onTestFinished(() => app.stop());
    const { what, type, body, port } = ways[way];
    // Accepted for some seconds still, because clocks may differ by 30.
    const who = { userId: "alice", organizationId: "acme", roles: ["viewer"] };
    const token = await app.app.localIssuer?.issue({ ...who, lifetime: "20 seconds ago" });
    const http2 = await openHttp2(port === "grpc" ? `http://${app.grpcAddress}` : app.httpUrl);
    onTestFinished(() => http2.close());
    const headers = { "content-type": type, te: "trailers", authorization: `Bearer ${token}` };
    const stream: ClientHttp2Stream = http2.open(what, headers);
    stream.end(body);
    const [head] = (await once(stream, "response")) as [Record<string, unknown>];
    expect(head[":status"]).toBe(200);
    const closed = once(stream, "close");
    const clients = connectClients(ConnectionService, app, await app.token());
    for (let batch = 0; batch < 3; batch += 1)
      await clients.grpc.batchCreateConnections({
        requests: Array.from({ length: 500 }, (_, index) => ({ userId1: `a-${batch}`, userId2: `b-${index}` })),
      });
    await closed;
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    const lines = () => app.logged.filter((line) => line.includes("/WatchConnections"));
    await expect.poll(lines).toHaveLength(1);
  },
);
