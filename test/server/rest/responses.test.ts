import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { type CallRest, callRest, problem } from "./call-rest.ts";

let app: TestApp;
let call: CallRest;
let other: CallRest;
beforeAll(async () => {
  app = await startTestApp();
  call = callRest(app, await app.token());
  other = callRest(app, await app.token({ org: "other" }));
});
afterAll(() => app.stop());

const kafka = { connector: "kafka", config: { bootstrap_servers: "a:1" } };
const newProfile = async (name: string) =>
  (await call("POST /v1/connection_profiles", { body: { name, ...kafka } })).json;

describe("the envelope", () => {
  test("is around one connection, a list of them, and what is neither", async () => {
    const created = await call("POST /v1/connections", { body: { userId1: "e-a", user_id_2: "e-b" } });
    expect(created.status).toBe(201);
    const { id } = created.json.connection;
    const read = await call(`GET /v1/connections/${id}`);
    expect([read.status, read.json]).toEqual([
      200,
      expect.objectContaining({
        statusCode: "200",
        method: "GET",
        action: "get",
        rowCount: 1,
        connection: created.json.connection,
      }),
    ]);
    const found = await call("GET /v1/connections:lookup?userId1=e-b&user_id_2=e-a");
    expect(found.json.connection).toEqual(created.json.connection);
    const list = await call("GET /v1/connections?userId=e-a");
    expect(list.json).toMatchObject({
      dataName: "connections",
      action: "list",
      rowCount: 1,
      connections: [created.json.connection],
      paging: { pageRowCount: 1, nextPageToken: "" },
      nextPageToken: "",
    });
    const count = await call("GET /v1/connections:count?userId=e-a");
    expect(count.json).toMatchObject({ dataName: "count", rowCount: 1, action: "countConnections" });
    const deleted = await call(`DELETE /v1/connections/${id}`);
    expect(deleted.json).toMatchObject({
      action: "delete",
      rowCount: 1,
      connection: { id, isActive: false, _archivedAt: expect.any(String) },
    });
    expect(deleted.headers.get("content-length")).not.toBeNull();
  });

  test("has pages that are continued by their token", async () => {
    for (const user of ["x", "y", "z"])
      await call("POST /v1/connections", { body: { userId1: "p-a", userId2: `p-${user}` } });
    const first = await call("GET /v1/connections?userId=p-a&pageRowCount=2");
    expect(first.json).toMatchObject({
      rowCount: 2,
      paging: { pageRowCount: 2, nextPageToken: first.json.nextPageToken },
    });
    const rest = await call(`GET /v1/connections?userId=p-a&pageSize=2&pageToken=${first.json.nextPageToken}`);
    expect(rest.json).toMatchObject({ rowCount: 1, paging: { pageRowCount: 1, nextPageToken: "" } });
    const seen = [...first.json.connections, ...rest.json.connections].map(
      ({ userId2 }: { userId2: string }) => userId2,
    );
    expect(seen).toEqual(["p-z", "p-y", "p-x"]);
  });

  test("tells what became of each of a batch", async () => {
    const requests = [
      { userId1: "b-a", userId2: "b-b" },
      { userId1: "b-b", userId2: "b-a" },
    ];
    const { status, json } = await call("POST /v1/connections:batchCreate", { body: { requests } });
    expect([status, json]).toEqual([200, expect.objectContaining({ dataName: "results", rowCount: 2 })]);
    expect(json.results[0].connection).toMatchObject({ userId1: "b-a" });
    expect(json.results[1].error.details[0]).toMatchObject({ reason: "USER_IDS_OUT_OF_ORDER" });
  });

  test("errors name fields as the service does", async () => {
    expect((await call("GET /v1/connections?page_size=-1")).json).toMatchObject({
      ...problem(400, "FIELD_INVALID"),
      result: "ERR",
      message: "errMsg_userIdisRequired",
      violations: [{ field: "userId", description: "value is required" }, { field: "pageSize" }],
      detail: expect.stringMatching(/^userId: .*; pageSize: /),
    });
    expect((await call("POST /v1/connections", { body: { userId3: 1, userId1: 2 } })).json).toMatchObject({
      ...problem(400, "MESSAGE_MALFORMED"),
      violations: [
        {
          field: "userId3",
          description: expect.stringMatching(
            /^there is no such field: did you mean userId1\? known here are connectionId, /,
          ),
        },
        { field: "userId1", description: "must be a text" },
      ],
    });
  });
});

describe("the flat form", () => {
  test("is the profile itself, its configuration as it was given, and lists as data", async () => {
    const config = {
      bootstrap_servers: "f:1",
      sasl: { protocol: "SASL_SSL", mechanism: "PLAIN", username: "u", password: "s3cret" },
    };
    const created = await call("POST /v1/connection_profiles", { body: { name: "flat", connector: "kafka", config } });
    expect(created.status).toBe(200);
    const { password: _, ...sasl } = config.sasl;
    expect(created.json).toMatchObject({
      name: "flat",
      connector: "kafka",
      created_by: "alice",
      revision: expect.stringMatching(/^\d+$/),
    });
    expect(created.json.config).toEqual({ bootstrap_servers: "f:1", sasl });
    expect(created.json.secrets).toContainEqual(expect.objectContaining({ path: "sasl.password", set: true }));
    expect(created.json).not.toHaveProperty("connection_profile");
    const read = await call(`GET /v1/connection_profiles/${created.json.id}`);
    expect(read.json).toEqual(created.json);
    const list = await call("GET /v1/connection_profiles?filter=name%3D%22flat%22&page_size=5");
    expect(list.json).toEqual({ data: [created.json], has_more: false, next_page_token: "" });
    const revisions = await call(`GET /v1/connection_profiles/${created.json.id}/revisions`);
    expect(revisions.json.data[0].connection_profile.config).toEqual({ bootstrap_servers: "f:1", sasl });
  });

  test("has pages that are continued by their token", async () => {
    for (const name of ["q-1", "q-2", "q-3"]) await newProfile(name);
    const first = (await call("GET /v1/connection_profiles?filter=name%3D%22q-*%22&page_size=2")).json;
    expect([first.has_more, first.data.length]).toEqual([true, 2]);
    const rest = (
      await call(`GET /v1/connection_profiles?filter=name%3D%22q-*%22&page_size=2&page_token=${first.next_page_token}`)
    ).json;
    expect([rest.has_more, rest.data.map(({ name }: { name: string }) => name)]).toEqual([false, ["q-3"]]);
  });

  test("changes, tests, deletes and undeletes by path and verb", async () => {
    const { id } = await newProfile("verbs");
    const changed = await call(`PATCH /v1/connection_profiles/${id}`, {
      body: { connector: "kafka", config: { bootstrap_servers: "b:2" }, update_mask: "config.bootstrap_servers" },
    });
    expect([changed.status, changed.json.config]).toEqual([200, { bootstrap_servers: "b:2" }]);
    expect((await call(`DELETE /v1/connection_profiles/${id}`)).json).toMatchObject({
      id,
      deleted_at: expect.any(String),
    });
    expect((await call(`POST /v1/connection_profiles/${id}:undelete`)).json).toMatchObject({ id, name: "verbs" });
    const expunged = await call(`POST /v1/connection_profiles/${id}:expunge`, { body: {} });
    expect(expunged.json).toEqual({ revision: expect.stringMatching(/^\d+$/) });
    expect((await call(`DELETE /v1/connection_profiles/${id}?allow_missing=true`)).json).toEqual({
      revision: expect.any(String),
    });
  });

  test("errors are a sentence and more, with the names of the service", async () => {
    const body = { name: "flat", connector: "kafka", config: { bootstrap_servers: "x", sasl: { mechanism: "PLAIN" } } };
    const { json } = await call("POST /v1/connection_profiles", { body });
    expect(json).toMatchObject(problem(400, "FIELD_INVALID"));
    expect(json.error).toBe(json.detail);
    for (const { field } of json.violations) expect(field).toMatch(/^config\.(bootstrap_servers|sasl)/);
    const wrapped = { name: "flat", config: { kafka: { bootstrap_servers: "x" } } };
    expect((await call("POST /v1/connection_profiles", { body: wrapped })).json.violations[0].field).toBe(
      "config.kafka.bootstrap_servers",
    );
    expect(
      (await call("POST /v1/connection_profiles", { body: { name: "x", config: {} } })).json.violations,
    ).toMatchObject([{ field: "config.connector" }]);
    const taken = await call("POST /v1/connection_profiles", { body: { name: "verbs-2", ...kafka } });
    const again = await call("POST /v1/connection_profiles", { body: { name: "verbs-2", ...kafka } });
    expect(again.json).toMatchObject({ ...problem(409, "PROFILE_NAME_TAKEN"), metadata: { id: taken.json.id } });
  });

  test("a failed precondition is 400, with the report", async () => {
    const live = {
      name: "live",
      ...kafka,
      config: { bootstrap_servers: "127.0.0.1:1" },
      validation_mode: "VALIDATION_MODE_LIVE",
    };
    const { json } = await call("POST /v1/connection_profiles", { body: live });
    expect(json).toMatchObject({ ...problem(400, "TARGET_UNUSABLE"), code: "FAILED_PRECONDITION" });
    expect(json.report.steps).toContainEqual(expect.objectContaining({ status: "TEST_STATUS_FAILED" }));
  });
});

describe("another organization", () => {
  test("finds nothing, changes nothing, and is told the same as for what never was", async () => {
    const profile = await newProfile("mine");
    const connection = (await call("POST /v1/connections", { body: { userId1: "o-a", userId2: "o-b" } })).json
      .connection;
    const without = ({ json }: { json: Record<string, unknown> }) => ({
      ...json,
      requestId: "",
      instance: "",
      date: "",
    });
    for (const [what, request] of [
      [`GET /v1/connection_profiles/:cp`, {}],
      [`PATCH /v1/connection_profiles/:cp`, { body: { name: "theirs" } }],
      [`DELETE /v1/connection_profiles/:cp`, {}],
      [`POST /v1/connection_profiles/:cp:undelete`, {}],
      [`POST /v1/connection_profiles/:cp:expunge`, {}],
      [`GET /v1/connection_profiles/:cp/revisions`, {}],
      ["POST /v1/connection_profiles/test", { body: { id: ":cp" } }],
      ["POST /v1/connection_profiles/test/stream", { body: { id: ":cp" } }],
      [`GET /v1/connections/:c`, {}],
      [`DELETE /v1/connections/:c`, {}],
    ] as const) {
      const at = (cp: string, c: string) => {
        const fill = (text: string) => text.replace(":cp", cp).replace(":c", c);
        return other(fill(what), "body" in request ? { body: fill(JSON.stringify(request.body)) } : {});
      };
      const theirs = await at(profile.id, connection.id);
      const never = await at("cp_00000000000000000000", randomUUID());
      expect([what, theirs.status, without(theirs)]).toEqual([what, 404, without(never)]);
    }
    expect((await call(`GET /v1/connection_profiles/${profile.id}`)).json).toEqual(profile);
    expect((await other("GET /v1/connection_profiles")).json.data).toEqual([]);
    expect((await other("GET /v1/connections?userId=o-a")).json.connections).toEqual([]);
  });
});
