import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { connectMcp } from "./connect-mcp.ts";
import { postRpc, rpc } from "./post-rpc.ts";

const issuer = "https://login.example/realm";
const { privateKey, publicKey } = await generateKeyPair("ES256");
const keys = createServer(async (_request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), alg: "ES256", kid: "k" }] }));
});

let app: TestApp;
beforeAll(async () => {
  keys.listen(0, "127.0.0.1");
  await once(keys, "listening");
  const { port } = keys.address() as AddressInfo;
  app = await startTestApp({
    AUTH_ISSUER: issuer,
    AUTH_AUDIENCE: "connectory",
    AUTH_JWKS_URL: `http://127.0.0.1:${port}/keys`,
  });
});
afterAll(async () => {
  await app.stop();
  keys.close();
});

const issue = () =>
  new SignJWT({ org: "acme", roles: ["viewer"] })
    .setProtectedHeader({ alg: "ES256", kid: "k" })
    .setIssuer(issuer)
    .setAudience("connectory")
    .setSubject("ann")
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(privateKey);

test("whoever is refused is told where to read who issues tokens, and can read it without one", async () => {
  const refused = await postRpc(app.httpUrl, rpc("tools/list"));
  const said = /^Bearer resource_metadata="([^"]+)"$/.exec(refused.headers.get("www-authenticate") ?? "")?.[1] ?? "";
  expect(said).toBe(`${app.httpUrl}/.well-known/oauth-protected-resource/mcp`);
  for (const url of [said, `${app.httpUrl}/.well-known/oauth-protected-resource`]) {
    const response = await fetch(url);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toEqual({
      resource: `${app.httpUrl}/mcp`,
      resource_name: "Connectory",
      authorization_servers: [issuer],
      bearer_methods_supported: ["header"],
    });
  }
});

test("behind a proxy that ends TLS the addresses are those that the client knows; nonsense is not repeated", async () => {
  const metadata = async (headers: Record<string, string>) =>
    (
      (await (await fetch(`${app.httpUrl}/.well-known/oauth-protected-resource`, { headers })).json()) as {
        resource: string;
      }
    ).resource;
  expect(await metadata({ "x-forwarded-proto": "https" })).toBe(`${app.httpUrl.replace("http:", "https:")}/mcp`);
  expect(await metadata({ "x-forwarded-proto": 'javascript:"' })).toBe(`${app.httpUrl}/mcp`);
});

test("a token of that issuer is taken", async () => {
  const client = await connectMcp(app.httpUrl, await issue());
  const { structuredContent } = await client.callTool({ name: "countConnections", arguments: { userId: "ann" } });
  expect(structuredContent).toEqual({ count: 0 });
  await client.close();
});
