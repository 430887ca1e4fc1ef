import { createParser, type EventSourceMessage } from "eventsource-parser";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { type CallRest, callRest } from "./call-rest.ts";

let app: TestApp;
let token: string;
let call: CallRest;
let other: CallRest;
beforeAll(async () => {
  app = await startTestApp();
  token = await app.token();
  call = callRest(app, token);
  other = callRest(app, await app.token({ org: "other" }));
});
afterAll(() => app.stop());

/** Follows a stream of events until it is left. */
async function follow(what: string, headers: Record<string, string> = {}, body?: object) {
  const [method = "", path = ""] = what.split(" ");
  const aborter = new AbortController();
  const response = await fetch(app.httpUrl + path, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
    signal: aborter.signal,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const events: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => void events.push(event) });
  const ended = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) parser.feed(decoder.decode(chunk, { stream: true }));
  })().catch(() => {});
  return { response, events, ended, leave: () => aborter.abort() };
}

const create = async (user: string, by = call) => {
  const { status, json } = await by("POST /v1/connections", { body: { userId1: "w-a", userId2: `w-b${user}` } });
  expect(status).toBe(201);
  return json;
};
const data = ({ data: text }: EventSourceMessage) => JSON.parse(text);

describe("WatchConnections", () => {
  test("tells of changes, is resumed by Last-Event-ID without a gap, and tells nothing of others", async () => {
    const watch = await follow("GET /v1/connections:watch?userId=w-a");
    await expect.poll(() => watch.events.length).toBe(1);
    expect(data(watch.events[0] as EventSourceMessage)).toMatchObject({ change: "CONNECTION_CHANGE_BOOKMARK" });
    const first = await create("1");
    await create("1", other);
    await expect.poll(() => watch.events.length).toBe(2);
    watch.leave();
    await watch.ended;
    const second = await create("2");
    const lastEventId = watch.events.at(-1)?.id ?? "";
    expect(lastEventId).toBe(first.revision);
    const again = await follow("GET /v1/connections:watch?userId=w-a&afterRevision=0", {
      "last-event-id": lastEventId,
    });
    await expect.poll(() => again.events.length).toBe(2);
    const [, change] = again.events.map(data);
    expect(change).toMatchObject({
      change: "CONNECTION_CHANGE_CREATED",
      connection: second.connection,
      revision: second.revision,
    });
    again.leave();
    await again.ended;
  });

  test("of an organization that never wrote begins at 0, and so does who resumes it", async () => {
    const fresh = { authorization: `Bearer ${await app.token({ org: "fresh" })}` };
    const watch = await follow("GET /v1/connections:watch", fresh);
    await expect.poll(() => watch.events[0]?.id).toBe("0");
    watch.leave();
    await create("3", callRest(app, fresh.authorization.slice(7)));
    const again = await follow("GET /v1/connections:watch", { ...fresh, "last-event-id": "0" });
    await expect.poll(() => again.events.length).toBe(2);
    again.leave();
    await Promise.all([watch.ended, again.ended]);
  });

  test("from where the log does not reach is an error with a status, so that nobody tries for ever", async () => {
    const { status, json } = await call("GET /v1/connections:watch?afterRevision=999999");
    expect([status, json]).toEqual([
      400,
      expect.objectContaining({ reason: "WATCH_REVISION_INVALID", code: "OUT_OF_RANGE" }),
    ]);
  });

  test("ends with an event when the server stops", async () => {
    const own = await startTestApp();
    const response = await fetch(`${own.httpUrl}/v1/connections:watch`, {
      headers: { authorization: `Bearer ${await own.token()}` },
    });
    const text = response.text();
    await own.stop();
    expect(await text).toMatch(/event: error\ndata: .*"STOPPING"/);
  });
});

test("a test of a profile tells of its steps as they happen, and of the whole at the end", async () => {
  const body = { connector: "kafka", config: { bootstrap_servers: "127.0.0.1:1", name: "x" } };
  for (const path of ["/v1/connection_profiles/test/stream", "/api/v1/connection_profiles/test/stream"]) {
    const stream = await follow(`POST ${path}`, {}, body);
    await stream.ended;
    const messages = stream.events.filter(({ event }) => event === "message").map(data);
    expect(messages.length).toBeGreaterThan(2);
    for (const message of messages.slice(0, -1))
      expect(message).toMatchObject({ done: false, step: { stage: expect.any(String) } });
    expect(messages.at(-1)).toMatchObject({ error: true, done: true, report: { steps: expect.any(Array) } });
    expect(stream.events.at(-1)).toMatchObject({ event: "done" });
  }
});
