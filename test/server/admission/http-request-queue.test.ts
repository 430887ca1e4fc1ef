import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { permissionsOf } from "../../../src/auth/permissions.ts";
import { accessLog } from "../../../src/interceptors/access-log.ts";
import { authenticate } from "../../../src/interceptors/authenticate.ts";
import { mapErrors } from "../../../src/interceptors/map-errors.ts";
import { requestId } from "../../../src/interceptors/request-id.ts";
import { createHttpRequestQueue } from "../../../src/server/admission/http-request-queue.ts";
import { routesOf } from "../../../src/server/dispatch/route.ts";
import { serveHttp } from "../../../src/server/http-server.ts";
import { serveMcp } from "../../../src/server/mcp/serve-mcp.ts";
import { serveRest } from "../../../src/server/rest/serve-rest.ts";
import { type Http2Client, openHttp2 } from "../../support/http2-client.ts";
import { loadShedderForTests } from "../../support/load-shedder.ts";

const lines: Record<string, unknown>[] = [];
const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
let reached = 0;
let client: Http2Client;
let stop: () => Promise<void>;

/** A server whose clock goes on by three seconds whenever it is looked at: of two requests that come together, the second has waited too long. */
beforeAll(async () => {
  const principal = {
    userId: "alice",
    organizationId: "acme",
    permissions: permissionsOf(["admin"]),
    expiresAt: Number.POSITIVE_INFINITY,
    sessionId: "",
  };
  const verifyToken = async () => principal;
  const shedder = loadShedderForTests();
  const connection = { id: "019b5bd0-7000-7000-8000-000000000001", userId1: "a", userId2: "b" };
  const verbs = {
    getConnection: () => {
      reached += 1;
      return { connection };
    },
    watchConnections: async function* () {
      reached += 1;
      yield* [];
    },
  };
  const routes = routesOf(ConnectionService, new Proxy(verbs, { get: (all, name) => Reflect.get(all, name) }) as never);
  const interceptors = [requestId, accessLog(log), mapErrors(log), authenticate(verifyToken)];
  const preBody = [
    requestId,
    accessLog(log, { rejectedOnly: true }),
    mapErrors(log),
    authenticate(verifyToken),
    shedder.admission,
  ];
  const rejectMember = () => new Error("none") as never;
  const common = {
    routes,
    interceptors,
    rejectMember,
    preBody,
    observe: [],
    maxMessageBytes: 100_000,
    corsOrigins: [],
    log,
  };
  let at = 0;
  const http = await serveHttp({
    ...common,
    host: "127.0.0.1",
    port: 0,
    tls: undefined,
    plugins: [
      serveRest({ ...common, appVersion: "1" }),
      serveMcp({ ...common, verifyToken, checkLoad: shedder.check, issuer: undefined, version: "1" }),
    ],
    checkHealth: async () => undefined,
    connectionLimits: { total: 100, perAddress: 100 },
    shedder,
    now: () => {
      at += 3000;
      return at;
    },
  });
  client = await openHttp2(`http://127.0.0.1:${http.port}`);
  stop = async () => {
    client.close();
    await http.stop(100);
  };
});
afterAll(() => stop());

const get = "POST /connectory.v1.ConnectionService/GetConnection";
const watch = "POST /connectory.v1.ConnectionService/WatchConnections";
const frame = Buffer.of(0, 0, 0, 0, 0);
const json = "application/json";
const requests: [string, string, string, string | Buffer][] = [
  ["Connect", get, json, "{}"],
  [
    "a stream of Connect",
    watch,
    "application/connect+json",
    Buffer.concat([Buffer.of(0, 0, 0, 0, 2), Buffer.from("{}")]),
  ],
  ["gRPC", get, "application/grpc", frame],
  ["a stream of gRPC", watch, "application/grpc", frame],
  ["gRPC-Web", get, "application/grpc-web+proto", frame],
  ["REST", "GET /v1/connections/019b5bd0-7000-7000-8000-000000000001", json, ""],
  ["MCP", "POST /mcp", json, JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" })],
];

describe("a request that has waited too long to be begun", () => {
  test.each(requests)(
    "is refused over %s as others are, without a line in the log for each",
    async (_, what, type, body) => {
      const headers = { "content-type": type, te: "trailers", accept: "application/json, text/event-stream" };
      const send = () => client.request(what, { headers: { ...headers, authorization: "Bearer x" }, body });
      lines.length = 0;
      reached = 0;
      const [first, second] = await Promise.all([send(), send()]);
      // gRPC-Web has its trailers, percent-encoded, in the body; an answer in JSON is not encoded.
      const said = ({ trailers, text }: typeof first) =>
        type === json ? text : decodeURI(`${text} ${trailers["grpc-message"]}`);
      expect(said(first)).not.toContain("in time");
      expect(said(second)).toContain("more calls than it can answer in time");
      expect(second.status).toBe(type === json ? 429 : 200);
      if (type.includes("grpc"))
        expect(said(second).includes("grpc-status: 8") ? "8" : second.trailers["grpc-status"]).toBe("8");
      expect(reached).toBeLessThan(2);
      expect(lines.filter(({ code }) => code === "resource_exhausted")).toEqual([]);
      expect(lines.filter(({ msg }) => msg === "rejected request")).toEqual([]);
    },
  );

  test("is a health check never", async () => {
    const [first, second] = await Promise.all([client.request("GET /healthz"), client.request("GET /healthz")]);
    expect([first.status, second.status]).toEqual([200, 200]);
  });
});

test("requests of one organization do not wait behind those of another, and health checks behind none", async () => {
  let at = 0;
  const begun: string[] = [];
  const handle = createHttpRequestQueue({
    handle: (request) => void begun.push(`${request.headers.authorization} ${request.url}`),
    organizationOf: (authorization) => authorization,
    markLate: () => expect.unreachable("nothing has waited long"),
    now: () => at,
  });
  const add = (authorization: string, url: string) =>
    handle({ headers: { authorization }, url, destroyed: false } as never, { destroyed: false } as never);
  add("flood", "/0");
  at = 21; // the time of this turn is used up
  for (let index = 1; index < 100; index += 1) add("flood", `/${index}`);
  add("small", "/0");
  add("small", "/healthz");
  expect(begun).toEqual(["flood /0", "small /healthz"]);
  await expect.poll(() => begun.length).toBe(102);
  expect(begun.slice(2, 5)).toEqual(["flood /1", "small /0", "flood /2"]);
});
