import { type Client, Code } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { connectClients } from "../../support/clients.ts";
import { refusalOf } from "../expect-error.ts";

let app: TestApp;
let alice: Client<typeof ConnectionService>;
let outsider: Client<typeof ConnectionService>;
beforeAll(async () => {
  app = await startTestApp();
  alice = connectClients(ConnectionService, app, await app.token()).grpc;
  outsider = connectClients(ConnectionService, app, await app.token({ org: "other" })).grpc;
});
afterAll(() => app.stop());

/** Connects users with one user, whichever of the two ids sorts first. Answers with the ids of the connections. */
async function connect(user: string, others: readonly string[]): Promise<Map<string, string>> {
  const requests = others.map((other) =>
    user < other ? { userId1: user, userId2: other } : { userId1: other, userId2: user },
  );
  const ids = new Map<string, string>();
  for (let start = 0; start < requests.length; start += 500) {
    const { results } = await alice.batchCreateConnections({ requests: requests.slice(start, start + 500) });
    for (const [index, { result }] of results.entries()) {
      if (result.case !== "connection") throw new Error(`${others[start + index]} was refused`);
      ids.set(others[start + index] ?? "", result.value.id);
    }
  }
  return ids;
}

describe("CountConnections", () => {
  test("counts the active ones, at both ends", async () => {
    const ids = await connect("m", ["a", "b", "x", "y", "z"]);
    expect(await alice.countConnections({ userId: "m" })).toMatchObject({ count: 5 });
    await alice.deleteConnection({ id: ids.get("a") ?? "" });
    await alice.deleteConnection({ id: ids.get("z") ?? "" });
    expect(await alice.countConnections({ userId: "m" })).toMatchObject({ count: 3 });
    expect(await alice.countConnections({ userId: "b" })).toMatchObject({ count: 1 });
    expect(await alice.countConnections({ userId: "a" })).toMatchObject({ count: 0 });
  });

  test("another organization's do not exist, and a user is needed", async () => {
    expect(await outsider.countConnections({ userId: "m" })).toMatchObject({ count: 0 });
    for (const userId of ["", "no user"])
      expect(await refusalOf(alice.countConnections({ userId }))).toMatchObject({
        reason: "FIELD_INVALID",
        fields: ["user_id"],
      });
  });
});

describe("BatchCheckConnections", () => {
  test("tells of each pair, in either order and more than once, whether it is connected", async () => {
    const ids = await connect("hub", ["k-1", "k-2", "k-3"]);
    await alice.deleteConnection({ id: ids.get("k-3") ?? "" });
    const pairs = ["k-1", "k-2", "k-3", "k-4", "hub"].flatMap((other) => [
      { userId1: "hub", userId2: other },
      { userId1: other, userId2: "hub" },
    ]);
    const { results } = await alice.batchCheckConnections({ pairs });
    expect(results.map(({ connected, id }) => [connected, id])).toEqual(
      ["k-1", "k-1", "k-2", "k-2", "k-3", "k-3", "k-4", "k-4", "hub", "hub"].map((other) =>
        other === "k-1" || other === "k-2" ? [true, ids.get(other)] : [false, ""],
      ),
    );
  });

  test("1000 pairs in one call, each answered in its place", async () => {
    const others = Array.from({ length: 1000 }, (_, index) => `w-${index}`);
    const ids = await connect(
      "v",
      others.filter((_, index) => index % 3 === 0),
    );
    const { results } = await alice.batchCheckConnections({
      pairs: others.map((other) => ({ userId1: other, userId2: "v" })),
    });
    expect(results.map(({ id }) => id)).toEqual(others.map((other) => ids.get(other) ?? ""));
  });

  test("needs no more than to read, and another organization's do not exist", async () => {
    const viewer = connectClients(ConnectionService, app, await app.token({ roles: ["viewer"] })).grpc;
    const pairs = [{ userId1: "hub", userId2: "k-1" }];
    expect((await viewer.batchCheckConnections({ pairs })).results).toMatchObject([{ connected: true }]);
    expect((await outsider.batchCheckConnections({ pairs })).results).toMatchObject([{ connected: false, id: "" }]);
    const nobody = connectClients(ConnectionService, app, await app.token({ roles: [] })).grpc;
    expect(await refusalOf(nobody.batchCheckConnections({ pairs }))).toMatchObject({ reason: "PERMISSION_MISSING" });
  });

  test("no pair, more than 1000, or a broken id is refused with its path", async () => {
    const pair = { userId1: "a", userId2: "b" };
    for (const [pairs, fields] of [
      [[], ["pairs"]],
      [Array.from({ length: 1001 }, () => pair), ["pairs"]],
      [
        [pair, { userId1: "a", userId2: "" }, { userId1: "a b", userId2: "c" }],
        ["pairs[1].user_id_2", "pairs[2].user_id_1"],
      ],
    ] as const)
      expect(await refusalOf(alice.batchCheckConnections({ pairs: [...pairs] }))).toMatchObject({
        reason: "FIELD_INVALID",
        code: Code.InvalidArgument,
        fields,
      });
  });
});

describe("ListMutualConnections", () => {
  /** All pages, as user ids; holds that none is larger than asked for. */
  const pagesOf = async (userId: string, otherUserId: string, pageSize: number) => {
    const found: { userId: string; connectionId: string; otherConnectionId: string }[] = [];
    let pageToken = "";
    do {
      const page = await alice.listMutualConnections({ userId, otherUserId, pageSize, pageToken });
      expect(page.mutualConnections.length).toBeLessThanOrEqual(pageSize);
      found.push(...page.mutualConnections);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return found;
  };

  test("lists who is connected to both, in the order of ids, with both connections, whoever of the two has more", async () => {
    // Ids on both sides of the two users', capitals and signs among them: the order is bytewise.
    const both = ["A", "B-9", "Z", "a", "g", "h:1", "n", "p", "zz", "zz-1"];
    const few = await connect("f-user", [...both, "only-few"]);
    const many = await connect("o-user", [...both, ...Array.from({ length: 40 }, (_, index) => `only-many-${index}`)]);
    await connect("f-user", ["o-user"]);
    const gone = await connect("f-user", ["gone"]);
    await connect("o-user", ["gone"]);
    await alice.deleteConnection({ id: gone.get("gone") ?? "" });
    await connect("f-user", ["gone-too"]);
    const goneToo = await connect("o-user", ["gone-too"]);
    await alice.deleteConnection({ id: goneToo.get("gone-too") ?? "" });

    const wanted = both.toSorted().map((userId) => [userId, few.get(userId), many.get(userId)]);
    for (const pageSize of [1, 3, 1000])
      expect(
        (await pagesOf("f-user", "o-user", pageSize)).map((one) => [
          one.userId,
          one.connectionId,
          one.otherConnectionId,
        ]),
      ).toEqual(wanted);
    expect(
      (await pagesOf("o-user", "f-user", 4)).map((one) => [one.userId, one.otherConnectionId, one.connectionId]),
    ).toEqual(wanted);
  });

  test("nobody in common, and another organization", async () => {
    expect(await pagesOf("f-user", "nobody", 10)).toEqual([]);
    const asked = { userId: "f-user", otherUserId: "o-user" };
    expect((await outsider.listMutualConnections(asked)).mutualConnections).toEqual([]);
  });

  test("a page token is good for its own question alone", async () => {
    const asked = { userId: "f-user", otherUserId: "o-user", pageSize: 2 };
    const { nextPageToken: pageToken } = await alice.listMutualConnections(asked);
    const invalid = { reason: "PAGE_TOKEN_INVALID", code: Code.InvalidArgument };
    for (const other of [
      { userId: "o-user", otherUserId: "f-user", pageToken },
      { ...asked, pageToken: `${pageToken}x` },
    ])
      expect(await refusalOf(alice.listMutualConnections(other))).toMatchObject(invalid);
    expect(await refusalOf(outsider.listMutualConnections({ ...asked, pageToken }))).toMatchObject(invalid);
    const { nextPageToken } = await alice.listConnections({ userId: "f-user", pageSize: 1 });
    expect(await refusalOf(alice.listMutualConnections({ ...asked, pageToken: nextPageToken }))).toMatchObject(invalid);
  });

  test("50 by default, 1000 at most, no negative size, and both users", async () => {
    const both = Array.from({ length: 1005 }, (_, index) => `c-${index}`);
    await connect("big-1", both);
    await connect("big-2", both);
    const asked = { userId: "big-1", otherUserId: "big-2" };
    expect((await alice.listMutualConnections(asked)).mutualConnections).toHaveLength(50);
    expect((await alice.listMutualConnections({ ...asked, pageSize: 5000 })).mutualConnections).toHaveLength(1000);
    expect(await refusalOf(alice.listMutualConnections({ userId: "", otherUserId: " ", pageSize: -1 }))).toMatchObject({
      fields: ["user_id", "other_user_id", "page_size"],
    });
    expect(await refusalOf(alice.listMutualConnections({ userId: "big-1", otherUserId: "big-1" }))).toMatchObject({
      reason: "USER_IDS_EQUAL",
      fields: ["other_user_id"],
    });
  });
});
