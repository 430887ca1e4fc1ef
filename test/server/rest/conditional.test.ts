import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
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

const kafka = { connector: "kafka", config: { bootstrap_servers: "127.0.0.1:1" } };
let path: string;
let etag: string;
let tag: string;
beforeEach(async () => {
  const created = await call("POST /v1/connection_profiles", { body: { name: randomUUID(), ...kafka } });
  path = `/v1/connection_profiles/${created.json.id}`;
  etag = created.json.etag;
  tag = created.headers.get("etag") ?? "";
});

const rename = (headers: Record<string, string>, body: object = {}) =>
  call(`PATCH ${path}`, { headers, body: { name: randomUUID(), ...body } });

describe("If-Match", () => {
  test("lets a change through whose caller has seen the present state, and no second one", async () => {
    expect(tag).toMatch(new RegExp(`^"${etag}\\.[\\w-]{11}"$`));
    const first = await rename({ "if-match": tag });
    expect(first.status).toBe(200);
    const second = await rename({ "if-match": tag });
    expect([second.status, second.json]).toEqual([
      412,
      expect.objectContaining({ ...problem(412, "ETAG_MISMATCH"), metadata: { etag: first.json.etag } }),
    ]);
    expect((await rename({ "if-match": first.headers.get("etag") ?? "" })).status).toBe(200);
  });

  test.each([
    ["the etag of the body", () => `"${etag}"`, 200],
    ["any", () => "*", 200],
    ["another one", () => '"r0"', 412],
    ["the whole tag, made weak by a proxy that compresses", () => `W/${tag}`, 200],
    ["the whole tag, with the suffix of such a proxy", () => tag.replace(/"$/, '-gzip"'), 200],
    ["a weak one of another state", () => 'W/"r0"', 412],
    ["a weak one beside the right one", () => `W/"r0", "${etag}"`, 200],
    ["an empty one", () => '""', 412],
    ["several", () => `"${etag}", "r0"`, 400],
    ["no tag", () => etag, 400],
  ])("%s", async (_name, header, status) => {
    expect((await rename({ "if-match": header() })).status).toBe(status);
  });

  test("* of If-None-Match forbids every write, as 412; a tag there is refused rather than ignored", async () => {
    const body = { name: randomUUID(), ...kafka };
    const any = { "if-none-match": "*" };
    for (const [what, sent] of [
      ["POST /v1/connection_profiles", body],
      ["POST /v1/connections", { userId1: "a", userId2: "b" }],
      [`PATCH ${path}`, { name: randomUUID() }],
      [`DELETE ${path}`, undefined],
    ] as const) {
      const answer = await call(what, { headers: any, ...(sent === undefined ? {} : { body: sent }) });
      expect([what, answer.status, answer.json.reason]).toEqual([what, 412, "ETAG_MISMATCH"]);
    }
    expect((await rename({ "if-none-match": tag })).status).toBe(400);
    expect((await call(`GET ${path}`)).json).toMatchObject({ etag });
  });

  test("is for deleting as well, where there is no body", async () => {
    expect((await call(`DELETE ${path}`, { headers: { "if-match": '"r0"' } })).status).toBe(412);
    expect((await call(`DELETE ${path}`, { headers: { "if-match": tag } })).status).toBe(200);
  });

  test("may say the same as the body and nothing else; a mismatch of the body alone is 409", async () => {
    expect((await rename({ "if-match": tag }, { etag: "r0" })).json).toMatchObject({
      ...problem(400, "MESSAGE_MALFORMED"),
      violations: [{ field: "etag", description: expect.stringContaining("If-Match") }],
    });
    expect((await rename({}, { etag: "r0" })).json).toMatchObject(problem(409, "ETAG_MISMATCH"));
    expect((await rename({ "if-match": tag }, { etag })).status).toBe(200);
  });

  test("where there is nothing to compare is refused rather than ignored; of a read it is compared", async () => {
    const body = { userId1: "a", userId2: "b" };
    expect((await call("POST /v1/connections", { body, headers: { "if-match": "*" } })).status).toBe(400);
    expect((await call(`GET ${path}`, { headers: { "if-match": '"r0"' } })).status).toBe(412);
    expect((await call(`GET ${path}`, { headers: { "if-match": tag } })).status).toBe(200);
  });
});

describe("If-None-Match", () => {
  test("saves the answer as long as nothing of it has changed", async () => {
    const read = (header: string) => call(`GET ${path}`, { headers: { "if-none-match": header } });
    expect((await call(`GET ${path}`)).headers.get("cache-control")).toBe("private, no-cache");
    for (const same of [tag, `W/${tag}`, `"x", ${tag}`, "*"]) {
      const answer = await read(same);
      expect([answer.status, answer.text, answer.headers.get("etag")]).toEqual([304, "", tag]);
    }
    expect((await read('"r0"')).status).toBe(200);
    await rename({});
    expect((await read(tag)).status).toBe(200);
  });

  test("sees a test that was recorded, which does not change the etag; If-Match lets it pass", async () => {
    const id = path.split("/").at(-1);
    expect((await call("POST /v1/connection_profiles/test", { body: { id } })).status).toBe(200);
    const now = await call(`GET ${path}`, { headers: { "if-none-match": tag } });
    expect([now.status, now.json.etag, now.json.last_test.error]).toEqual([200, etag, true]);
    expect((await rename({ "if-match": tag })).status).toBe(200);
  });
});

describe("Idempotency-Key", () => {
  const create = (key: string, name: string, more: object = {}, by = call) =>
    by("POST /v1/connection_profiles", { headers: { "idempotency-key": key }, body: { name, ...kafka, ...more } });

  test.each([
    ["a UUID", () => randomUUID()],
    ["any text", () => `order 4711/${randomUUID()}`],
    ["a quoted one", () => `"${randomUUID()}"`],
  ])("%s makes a repeated call answer as the first did, and write nothing", async (_name, makeKey) => {
    const key = makeKey();
    const name = randomUUID();
    const first = await create(key, name);
    expect(first.status).toBe(200);
    const again = await create(key, name);
    expect([again.status, again.json]).toEqual([200, first.json]);
    expect((await create(key, `${name}-2`)).json).toMatchObject(problem(400, "REQUEST_ID_REUSED"));
    expect((await create(key, name, {}, other)).json.id).not.toBe(first.json.id);
  });

  test("may say the same as request_id and nothing else", async () => {
    const [key, name] = [randomUUID(), randomUUID()];
    expect((await create(key, name, { request_id: randomUUID() })).json).toMatchObject({
      ...problem(400, "MESSAGE_MALFORMED"),
      violations: [{ field: "request_id", description: expect.stringContaining("Idempotency-Key") }],
    });
    expect((await create(key, name, { request_id: key })).status).toBe(200);
  });

  test("has at most 255 characters", async () => {
    expect((await create("k".repeat(255), randomUUID())).status).toBe(200);
    for (const key of ["k".repeat(256), '""']) expect((await create(key, randomUUID())).status).toBe(400);
  });

  test("of a method that cannot be repeated by one is no matter", async () => {
    expect((await call(`GET ${path}`, { headers: { "idempotency-key": "x" } })).status).toBe(200);
  });
});
