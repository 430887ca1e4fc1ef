import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, ConnectError } from "@connectrpc/connect";
import { importJWK, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { localAlgorithm, localAudience, localIssuer } from "../../src/auth/local-issuer.ts";
import { postRpc } from "../server/mcp/post-rpc.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { connectClients } from "../support/clients.ts";
import { startIssuer, type TestIssuer } from "../support/issuer.ts";

let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await startIssuer();
});
afterAll(() => issuer.stop());

/** What a caller with such a token may do: the role that has just these permissions, or `none`. */
async function roleOf(app: TestApp, claims: Record<string, unknown>): Promise<string> {
  const token = await issuer.sign(claims);
  const may = async (call: (client: Client<typeof ConnectionService>) => Promise<unknown>) => {
    const error = await call(connectClients(ConnectionService, app, token).grpc).catch((thrown: unknown) => thrown);
    return !(error instanceof ConnectError) || error.findDetails(ErrorInfoSchema)[0]?.reason === "CONNECTION_NOT_FOUND";
  };
  const id = "01900000-0000-7000-8000-000000000000";
  if (!(await may((client) => client.getConnection({ id })))) return "none";
  if (!(await may((client) => client.deleteConnection({ id })))) return "viewer";
  const all = await may((client) => client.listConnections({ userId: "somebody-else" })); // connections.manage
  return all ? "admin" : "editor or member";
}

async function withApp(environment: Record<string, string>, use: (app: TestApp) => Promise<void>): Promise<void> {
  const app = await startTestApp({ ...issuer.environment, CONNECTION_ACCESS: "participant", ...environment });
  try {
    await use(app);
  } finally {
    await app.stop();
  }
}

test.each([
  ["realm_access.roles", { realm_access: { roles: ["viewer"] } }, "viewer"],
  ["/realm_access/roles", { realm_access: { roles: ["viewer"] } }, "viewer"],
  ["/resource_access/my.client/roles", { resource_access: { "my.client": { roles: ["admin"] } } }, "admin"],
  ["https://acme/roles", { "https://acme/roles": ["viewer"] }, "viewer"],
  ["realm_access.roles", { realm_access: { role: ["admin"] } }, "none"],
  ["Roles", { roles: ["admin"] }, "none"],
  ["resource_access.x.roles", { resource_access: {} }, "none"],
])("AUTH_ROLES_CLAIM=%s of %j is %s", async (claim, claims, role) => {
  await withApp({ AUTH_ROLES_CLAIM: claim }, async (app) => {
    expect(await roleOf(app, claims)).toBe(role);
  });
});

test("every value of the claim has a meaning, with a default role and without", async () => {
  const values: [unknown, string][] = [
    ["viewer", "viewer"],
    ["viewer admin", "admin"],
    ["viewer,admin", "admin"],
    [" , viewer,, ", "viewer"],
    [["viewer", "of-another-system"], "viewer"],
    [["viewer", 7, null, ["admin"], { admin: true }], "viewer"],
    [["viewer admin"], "none"],
    [["viewer,admin"], "none"],
    [null, "none"],
    ["", "none"],
    [[], "none"],
    [{}, "none"],
    [{ admin: true }, "none"],
    [7, "none"],
    [true, "none"],
    [[["admin"]], "none"],
    ["Admin", "none"],
    ["__proto__ constructor", "none"],
  ];
  for (const [fallback, absent] of [
    ["none", "none"],
    ["viewer", "viewer"],
  ] as const)
    await withApp({ AUTH_DEFAULT_ROLE: fallback }, async (app) => {
      for (const [roles, role] of values) expect([roles, await roleOf(app, { roles })]).toEqual([roles, role]);
      expect(await roleOf(app, {})).toBe(absent);
    });
});

test("AUTH_ROLE_MAPPING gives roles to groups, and nothing to names that it does not have", async () => {
  const mapping = "platform-team=admin, group b=viewer,CN=ops%2COU=it=viewer,two=viewer,two=admin";
  await withApp({ AUTH_ROLES_CLAIM: "groups", AUTH_ROLE_MAPPING: mapping }, async (app) => {
    for (const [groups, role] of [
      [["platform-team"], "admin"],
      [["group b"], "viewer"],
      [["CN=ops,OU=it"], "viewer"],
      [["two"], "admin"],
      ["platform-team,other", "admin"],
      // A list of one, as some issuers write it.
      ["group b", "viewer"],
      [" CN=ops,OU=it ", "viewer"],
      ["group b,CN=ops", "none"],
      [["admin"], "none"],
      [["__proto__", "constructor"], "none"],
    ] as const)
      expect([groups, await roleOf(app, { groups })]).toEqual([groups, role]);
  });
});

test("tokens without the claim are said at the start, in the log once a while, and in the metrics", async () => {
  await withApp({ AUTH_ROLES_CLAIM: "realm_access.roles" }, async (app) => {
    const warnings = () => app.logged.map((line) => JSON.parse(line)).filter(({ level }) => level === 40);
    expect(warnings()).toMatchObject([
      { rolesClaim: "realm_access.roles", msg: expect.stringContaining("AUTH_DEFAULT_ROLE") },
    ]);
    for (const jti of ["a", "b", "c"]) await roleOf(app, { jti, roles: ["secret-role"] });
    expect(warnings().slice(1)).toMatchObject([{ claim: "realm_access.roles", fault: "absent", tokens: 1 }]);
    const metrics = await (await fetch(`${app.httpUrl}/metrics`)).text();
    expect(metrics).toMatch(
      /connectory_auth_claim_faults_total\{connectory_claim="roles",connectory_claim_fault="absent"\} 3/,
    );
    expect(app.logged.join("")).not.toContain("secret-role");
  });
});

test.each(["none", "viewer"])("with AUTH_DEFAULT_ROLE=%s the start has no warning", async (role) => {
  await withApp({ AUTH_DEFAULT_ROLE: role }, async (app) => {
    expect(app.logged.map((line) => JSON.parse(line).level)).not.toContain(40);
  });
});

test.each<[string, [object, number][]]>([
  [
    "org",
    [
      [{ org: "acme" }, 200],
      ...[undefined, null, "", 7, true, ["acme"], { id: "acme" }, "a\nb", "a".repeat(257)].map(
        (org): [object, number] => [{ org }, 401],
      ),
    ],
  ],
  [
    "tenant.id",
    [
      [{ tenant: { id: "acme" } }, 200],
      [{ tenant: "acme" }, 401],
    ],
  ],
  ["/tenant/id", [[{ tenant: { id: "acme" } }, 200]]],
  ["https://acme.example/org", [[{ "https://acme.example/org": "acme" }, 200]]],
])("AUTH_ORG_CLAIM=%s wants a text that can be an id", async (claim, tokens) => {
  await withApp({ AUTH_ORG_CLAIM: claim }, async (app) => {
    for (const [claims, status] of tokens) {
      const token = await issuer.sign({ roles: ["admin"], ...claims });
      const headers = { authorization: `Bearer ${token}` };
      const rest = await fetch(`${app.httpUrl}/v1/connections:count?userId=ann`, { headers });
      const mcp = await postRpc(app.httpUrl, { jsonrpc: "2.0", id: 1, method: "ping" }, { token });
      expect([claims, rest.status, mcp.status]).toEqual([claims, status, status]);
    }
  });
});

test("the local issuer's tokens without a claim are a member's, as ever", async () => {
  const folder = await mkdtemp(join(tmpdir(), "connectory-roles-"));
  const app = await startTestApp({ DATA_DIR: folder });
  const key = await importJWK(JSON.parse(await readFile(join(folder, "issuer-key.json"), "utf8")), localAlgorithm);
  const issue = (claims: object) =>
    new SignJWT({ org: "acme", ...claims })
      .setProtectedHeader({ alg: localAlgorithm })
      .setIssuer(localIssuer)
      .setAudience(localAudience)
      .setSubject("ann")
      .setExpirationTime("1h")
      .sign(key);
  const statusOf = async (claims: object) => {
    const headers = { authorization: `Bearer ${await issue(claims)}`, "content-type": "application/json" };
    const body = JSON.stringify({ userId1: "a", userId2: `z${Math.random()}` });
    return (await fetch(`${app.httpUrl}/v1/connections`, { method: "POST", headers, body })).status;
  };
  expect([await statusOf({}), await statusOf({ roles: [] }), await statusOf({ roles: null })]).toEqual([201, 403, 403]);
  await app.stop();
  await rm(folder, { recursive: true, force: true });
});
