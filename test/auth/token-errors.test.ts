import { generateKeyPair } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postRpc } from "../server/mcp/post-rpc.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { startIssuer, type TestIssuer } from "../support/issuer.ts";
import { ways } from "../telemetry/protocols.ts";

/** Stands in every token as a claim, and must stand nowhere else. */
const marker = "claim-that-nobody-may-read";

let issuer: TestIssuer;
let app: TestApp;
beforeAll(async () => {
  issuer = await startIssuer();
  app = await startTestApp({ ...issuer.environment, AUTH_DEFAULT_ROLE: "none", LOG_LEVEL: "trace" });
});
afterAll(async () => {
  await app.stop();
  issuer.stop();
});

const now = () => Math.floor(Date.now() / 1000);
const foreign = await generateKeyPair("ES256");
const shared = await generateKeyPair("RS256");

const broken: [cause: string, token: () => Promise<string>][] = [
  ["audience", () => issuer.sign({ marker, aud: "others" })],
  ["audience", () => issuer.sign({ marker, aud: undefined })],
  ["issuer", () => issuer.sign({ marker, iss: "https://evil.example" })],
  ["organization", () => issuer.sign({ marker, org: undefined })],
  ["organization", () => issuer.sign({ marker, org: 7 })],
  ["user", () => issuer.sign({ marker, sub: undefined })],
  ["user", () => issuer.sign({ marker, sub: "" })],
  ["expiry", () => issuer.sign({ marker, exp: undefined })],
  ["expiry", () => issuer.sign({ marker, exp: "tomorrow" })],
  ["not_yet_valid", () => issuer.sign({ marker, nbf: now() + 3600 })],
  ["unknown_key", () => issuer.sign({ marker }, { kid: "other" })],
  ["signature", () => issuer.sign({ marker }, { key: foreign.privateKey })],
  ["unknown_key", () => issuer.sign({ marker }, { key: shared.privateKey, algorithm: "RS256" })],
  ["algorithm", async () => `${encode({ alg: "none" })}.${encode({ marker })}.`],
  ["algorithm", async () => `${encode({ alg: "HS256", kid: "k" })}.${encode({ marker })}.AAAA`],
  ["malformed", async () => marker],
  ["malformed", async () => `${encode({ alg: "ES256" })}.${marker}`],
];

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

describe.each(ways.map((way, index) => ({ ...way, index })))("a refused token by $protocol ($index)", (way) => {
  test("has its cause in the access log under the request id, and nowhere in the answer", async () => {
    for (const [number, [cause, sign]] of broken.entries()) {
      const requestId = `fault-${way.index}-${number}`;
      const before = app.logged.length;
      const headers = { authorization: `Bearer ${await sign()}`, "x-request-id": requestId };
      const answer = await way.create(app, { userId1: "a", userId2: "b" }, headers).catch((thrown: unknown) => thrown);
      const lines = () => app.logged.slice(before).map((line) => JSON.parse(line) as Record<string, unknown>);
      await expect.poll(() => lines().filter(({ msg }) => msg === "call")).toHaveLength(1);
      const [line] = lines().filter(({ msg }) => msg === "call");
      expect(line).toMatchObject({ level: 30, requestId, reason: "TOKEN_INVALID", code: "UNAUTHENTICATED", cause });
      expect(JSON.stringify(answer, Object.getOwnPropertyNames(answer ?? {}))).not.toContain(cause);
      expect(lines().filter(({ msg }) => msg === "call failed")).toEqual([]);
    }
  });
});

test("REST and MCP answer every cause with the same words", async () => {
  const said = new Set<string>();
  for (const [, sign] of broken) {
    const token = await sign();
    const rest = await fetch(`${app.httpUrl}/v1/connections:count?userId=a`, {
      headers: { authorization: `Bearer ${token}`, "x-request-id": "same" },
    });
    const mcp = await postRpc(
      app.httpUrl,
      { jsonrpc: "2.0", id: 1, method: "ping" },
      { token, headers: { "x-request-id": "same" } },
    );
    // The envelope has a time in it, and how long it took.
    said.add(`${rest.status} ${await rest.text()} ${mcp.status} ${mcp.text}`.replaceAll(/\d+(-|:|\.)?/g, "0"));
  }
  expect([...said]).toHaveLength(1);
  expect([...said].join()).toContain("the token is not accepted");
});

test("an expired token's claims are not in the log either, nor is any token", async () => {
  const tokens = [await issuer.sign({ marker, exp: now() - 3600 }), await issuer.sign({ marker, roles: ["admin"] })];
  for (const token of tokens)
    await fetch(`${app.httpUrl}/v1/connections:count?userId=a`, { headers: { authorization: `Bearer ${token}` } });
  const log = app.logged.join("\n");
  expect(log).toContain("TOKEN_EXPIRED");
  expect(log).not.toContain(marker);
  for (const token of tokens) expect(log).not.toContain(token.split(".")[1]);
});
