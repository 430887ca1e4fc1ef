import { afterAll, beforeAll, expect, expectTypeOf, test } from "vitest";
import type { Connection } from "../../gen/connectory/v1/connection_pb.js";
import type { ConnectionProfile } from "../../gen/connectory/v1/connection_profile_pb.js";
import type { DiscoveredResource } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionProfileService, ConnectionService, items, orderedPair, pages } from "../../src/client/index.ts";
import { type ConnectoryClient, createConnectoryClient } from "../../src/client/node/index.ts";
import { startTestApp, type TestApp } from "../support/app.ts";

let app: TestApp;
let client: ConnectoryClient;
beforeAll(async () => {
  app = await startTestApp();
  client = createConnectoryClient({ baseUrl: `http://${app.grpcAddress}`, token: await app.token() });
  for (const n of [1, 2, 3, 4, 5]) await client.connections.createConnection(orderedPair("hub", `friend-${n}`));
});
afterAll(() => app.stop());

const friends = ["friend-5", "friend-4", "friend-3", "friend-2", "friend-1"];
const friendOf = ({ userId1, userId2 }: Connection) => (userId1 === "hub" ? userId2 : userId1);

test("pages come one after the other until the last", async () => {
  const found = await Array.fromAsync(pages(client.connections.listConnections, { userId: "hub", pageSize: 2 }));
  expect(found.map((page) => page.connections.map(friendOf))).toEqual([
    friends.slice(0, 2),
    friends.slice(2, 4),
    friends.slice(4),
  ]);
});

test("items come one by one, over all pages", async () => {
  const found = await Array.fromAsync(items(client.connections.listConnections, { userId: "hub", pageSize: 2 }));
  expect(found.map(friendOf)).toEqual(friends);
  expect(await Array.fromAsync(items(client.connections.listConnections, { userId: "nobody" }))).toEqual([]);
});

test("a list can be begun at a page that was kept", async () => {
  const request = { userId: "hub", pageSize: 2 };
  const { nextPageToken: pageToken } = await client.connections.listConnections(request);
  const found = await Array.fromAsync(items(client.connections.listConnections, { ...request, pageToken }));
  expect(found.map(friendOf)).toEqual(friends.slice(2));
});

test("no page is asked for before it is wanted", async () => {
  let calls = 0;
  const counted: typeof client.connections.listConnections = (...call) => {
    calls++;
    return client.connections.listConnections(...call);
  };
  for await (const connection of items(counted, { userId: "hub", pageSize: 2 })) {
    expect(friendOf(connection)).toBe(friends[0]);
    break;
  }
  expect(calls).toBe(1);
});

test("the caller's signal ends it, and its headers come with every page", async () => {
  const { connections } = client;
  const seen: (string | null)[] = [];
  const onHeader = (header: Headers) => void seen.push(header.get("x-request-id"));
  const options = { headers: { "x-request-id": "mine" }, onHeader };
  await Array.fromAsync(pages(connections.listConnections, { userId: "hub", pageSize: 2 }, options));
  expect(seen).toEqual(["mine", "mine", "mine"]);
  const signal = AbortSignal.abort();
  await expect(Array.fromAsync(items(connections.listConnections, { userId: "hub" }, { signal }))).rejects.toThrow();
});

test("a server that answers with the same page for ever is not asked for ever", async () => {
  const stuck = async (_request: { pageToken?: string }) => ({ nextPageToken: "again", things: [1] });
  await expect(Array.fromAsync(items(stuck, {}))).rejects.toThrow("the same page for ever");
});

test("they know what each list holds, and refuse what is no list", () => {
  const { connections, connectionProfiles } = client;
  expectTypeOf(items(connections.listConnections, { userId: "hub" })).toEqualTypeOf<
    AsyncGenerator<Connection, void, undefined>
  >();
  expectTypeOf(items(connectionProfiles.listConnectionProfiles, {})).toEqualTypeOf<
    AsyncGenerator<ConnectionProfile, void, undefined>
  >();
  expectTypeOf(items(connectionProfiles.discoverConnectionProfile, {})).toEqualTypeOf<
    AsyncGenerator<DiscoveredResource, void, undefined>
  >();
  // @ts-expect-error: this RPC has no pages
  void (() => pages(connectionProfiles.getConnectionProfile, { id: "x" }));
  // @ts-expect-error: no such field
  void (() => pages(connections.listConnections, { user: "x" }));
});

test("every RPC with pages follows the convention", () => {
  const paged = [...ConnectionService.methods, ...ConnectionProfileService.methods].filter(
    ({ input, output }) => "pageToken" in input.field || "nextPageToken" in output.field,
  );
  expect(paged.length).toBeGreaterThan(3);
  for (const { name, input, output } of paged) {
    expect([name, "pageToken" in input.field, "nextPageToken" in output.field]).toEqual([name, true, true]);
    expect([name, output.fields.filter(({ fieldKind }) => fieldKind === "list").length]).toEqual([name, 1]);
  }
});
