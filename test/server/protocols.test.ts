import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { startTestApp, type TestApp } from "../support/app.ts";
import { connectClients } from "../support/clients.ts";

let app: TestApp;
let token: string;
beforeAll(async () => {
  app = await startTestApp({ CORS_ORIGINS: "https://web.example" });
  token = await app.token();
});
afterAll(() => app.stop());

const protocols = ["grpc", "connect-json", "grpc-web"] as const;

async function failure(call: Promise<unknown>): Promise<{ code: Code; reason: string | undefined; message: string }> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => ConnectError.from(thrown),
  );
  if (error === undefined) throw new Error("the call should have failed");
  return { code: error.code, reason: error.findDetails(ErrorInfoSchema)[0]?.reason, message: error.rawMessage };
}

describe.each(protocols)("who may call, over %s", (protocol) => {
  const list = (bearer: string) =>
    connectClients(ConnectionService, app, bearer)[protocol].listConnections({ userId: "a" });

  test("a bad token is UNAUTHENTICATED and says no more than its reason", async () => {
    const [head = "", body = "", signature = ""] = token.split(".");
    const rs256 = Buffer.from('{"alg":"RS256"}').toString("base64url");
    const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${body}.`;
    const forged = `${head}.${Buffer.from('{"sub":"root","org":"acme","exp":9999999999}').toString("base64url")}.${signature}`;
    for (const bad of [none, forged, `${rs256}.${body}.${signature}`, `${head}.${body}.`, "x", `${token}x`])
      expect(await failure(list(bad))).toEqual({
        code: Code.Unauthenticated,
        reason: "TOKEN_INVALID",
        message: "the token is not accepted",
      });
  });

  test("no token at all", async () => {
    for (const authorization of ["", "Basic YTpi", "Bearer"]) {
      const client = connectClients(ConnectionService, app, "", authorization)[protocol];
      expect(await failure(client.listConnections({ userId: "a" }))).toMatchObject({
        code: Code.Unauthenticated,
        reason: "TOKEN_MISSING",
      });
    }
  });

  test("a role without the permission is PERMISSION_DENIED, before anything about the request is said", async () => {
    const viewer = connectClients(ConnectionService, app, await app.token({ roles: ["viewer"] }))[protocol];
    expect((await viewer.listConnections({ userId: "a" })).connections).toEqual([]);
    expect(await failure(viewer.createConnection({ userId1: "!!", userId2: "" }))).toMatchObject({
      code: Code.PermissionDenied,
      reason: "PERMISSION_MISSING",
    });
    const nobody = connectClients(ConnectionProfileService, app, await app.token({ roles: ["guest"] }))[protocol];
    expect(await failure(nobody.listConnectors({}))).toMatchObject({ reason: "PERMISSION_MISSING" });
  });
});

describe("the HTTP port", () => {
  const preflight = (origin: string) =>
    fetch(`${app.httpUrl}/connectory.v1.ConnectionService/ListConnections`, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,connect-protocol-version",
      },
    });

  test("lets the pages of configured origins call, and no others", async () => {
    const allowed = await preflight("https://web.example");
    expect(allowed.headers.get("access-control-allow-origin")).toBe("https://web.example");
    expect(allowed.headers.get("access-control-allow-headers")?.toLowerCase()).toContain("authorization");
    expect((await preflight("https://evil.example")).headers.get("access-control-allow-origin")).toBeNull();
    const closed = await startTestApp();
    const answer = await fetch(`${closed.httpUrl}/healthz`, { headers: { origin: "https://web.example" } });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    await closed.stop();
  });

  test("answers a read as GET, as Connect clients send it for RPCs without side effects", async () => {
    const query = new URLSearchParams({ connect: "v1", encoding: "json", message: JSON.stringify({ userId: "a" }) });
    const url = `${app.httpUrl}/connectory.v1.ConnectionService/ListConnections?${query}`;
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    expect([answer.status, await answer.json()]).toEqual([200, { connections: [], nextPageToken: "" }]);
    const write = url.replace("ListConnections", "CreateConnection");
    expect((await fetch(write, { headers: { authorization: `Bearer ${token}` } })).status).toBe(405);
  });

  test("compresses what is worth it, and tells its health", async () => {
    const client = connectClients(ConnectionService, app, token)["connect-json"];
    await Promise.all(
      Array.from({ length: 40 }, (_, index) => client.createConnection({ userId1: "gz", userId2: `h${index}` })),
    );
    const answer = await fetch(`${app.httpUrl}/connectory.v1.ConnectionService/ListConnections`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "accept-encoding": "gzip" },
      body: '{"userId":"gz"}',
    });
    expect(answer.headers.get("content-encoding")).toBe("gzip");
    expect(((await answer.json()) as { connections: unknown[] }).connections).toHaveLength(40);
    for (const path of ["/healthz", "/readyz"]) expect((await fetch(app.httpUrl + path)).status).toBe(200);
  });
});
