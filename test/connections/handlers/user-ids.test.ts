import type { Client } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { postRpc, toolCall } from "../../server/mcp/post-rpc.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { connectClients } from "../../support/clients.ts";

let app: TestApp;
let token: string;
let client: Client<typeof ConnectionService>;
beforeAll(async () => {
  app = await startTestApp();
  token = await app.token();
  client = connectClients(ConnectionService, app, token).grpc;
});
afterAll(() => app.stop());

const rest = async (path: string) => {
  const response = await fetch(app.httpUrl + path, { headers: { authorization: `Bearer ${token}` } });
  // biome-ignore lint/suspicious/noExplicitAny: JSON of several shapes
  return { status: response.status, json: (await response.json()) as any };
};

/** Ids of other systems: e-mail addresses, phone numbers, SPIFFE, DID, base64, and those of identity providers. */
const ids = [
  "alice+work@mail.example",
  "+4915112345678",
  "spiffe://trust.example/ns/prod/sa/web",
  "did:web:example.com%3A3000:user:alice",
  "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
  "8J+YgC9hYmM=",
  "/w==",
  "auth0|507f1f77bcf86cd799439020",
  "us-east-1:2a3b~c",
  "_service",
];

describe.each(ids)("the user %s", (id) => {
  const [peer, third] = ["zz-peer", "zz-third"];

  test("is created, listed in pages, counted, checked, found and watched, over every protocol", async () => {
    const { connection } = await client.createConnection({ userId1: id, userId2: peer, anyOrder: true });
    const { connection: other } = await client.createConnection({ userId1: id, userId2: third, anyOrder: true });
    const query = `userId=${encodeURIComponent(id)}`;

    const first = await client.listConnections({ userId: id, pageSize: 1 });
    const second = await client.listConnections({ userId: id, pageSize: 1, pageToken: first.nextPageToken });
    const listed = [...first.connections, ...second.connections].map((one) => one.id).sort();
    expect(listed).toEqual([connection?.id, other?.id].sort());

    const overRest = await rest(`/v1/connections?${query}&pageRowCount=1`);
    const next = await rest(`/v1/connections?${query}&pageToken=${overRest.json.paging.nextPageToken}`);
    expect(
      [...overRest.json.connections, ...next.json.connections].map((one: { id: string }) => one.id).sort(),
    ).toEqual(listed);
    expect((await rest(`/v1/connections:count?${query}`)).json.count).toBe(2);
    const pair = `userId1=${encodeURIComponent(id)}&userId2=${peer}`;
    expect((await rest(`/v1/connections:lookup?${pair}`)).json.connection.id).toBe(connection?.id);

    const { messages } = await postRpc(app.httpUrl, toolCall("countConnections", { userId: id }), { token });
    expect(messages[0].result.structuredContent).toEqual({ count: 2 });
    const { results } = await client.batchCheckConnections({ pairs: [{ userId1: peer, userId2: id }] });
    expect(results[0]?.id).toBe(connection?.id);
    const mutual = await client.listMutualConnections({ userId: peer, otherUserId: third, pageSize: 1000 });
    expect(mutual.mutualConnections.map(({ userId }) => userId)).toContain(id);

    const seen: string[] = [];
    for await (const { connection: changed } of client.watchConnections({ userId: id, afterRevision: 0n })) {
      if (changed !== undefined) seen.push(changed.id);
      if (seen.length === 2) break;
    }
    expect(seen.sort()).toEqual(listed);
  });

  test("is in the key of its events, whose two users a comma separates", async () => {
    const { connections } = await client.listConnections({ userId: id });
    for (const { id: subject, userId1, userId2 } of connections) {
      const [event] = await app.knex("event").where({ subject });
      expect(event.key.split(",")).toEqual([userId1, userId2]);
    }
    expect(app.logged.map((line) => JSON.parse(line))).toEqual(expect.not.arrayContaining([undefined]));
  });
});

test.each([
  "a,b",
  "a b",
  "a\nb",
  "a\u0000",
  "a\u200db",
  "ä",
  'a"b',
  "a\\b",
  "a'b",
  "a<b",
  "a#b",
  "a?b",
  "a&b",
  "-a",
  ".a",
  "=a",
  "",
])("%j is no user", async (userId) => {
  await expect(client.countConnections({ userId })).rejects.toThrow(/must be 1 to 128 letters|value is required/);
});
