import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent, fetch } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { authority } from "../../support/servers/certificates.ts";
import { serverForTests } from "../../support/servers/server-for-tests.ts";
import { type FormProxy, startFormProxy } from "../../support/servers/start-form-proxy.ts";

let app: TestApp;
let proxy: FormProxy;
/** Access tokens by the session cookie. */
const sessions = new Map<string, string>();
/** In the place of oauth2-proxy: 202 and the user's access token for a session, else 401. */
const oauth2Proxy = createServer(({ url, headers }, response) => {
  const token = sessions.get(headers.cookie ?? "");
  if (url !== "/oauth2/auth") return response.end(`log in, and back to ${url}`);
  if (token === undefined) return response.writeHead(401).end();
  return response.writeHead(202, { "x-auth-request-access-token": token }).end();
});
const dispatcher = new Agent({ connect: { ca: authority } });

beforeAll(async () => {
  app = await startTestApp();
  oauth2Proxy.listen(0, "127.0.0.1");
  await once(oauth2Proxy, "listening");
  const { port } = oauth2Proxy.address() as AddressInfo;
  proxy = await serverForTests(startFormProxy, {
    connectory: new URL(app.httpUrl).host,
    oauth2Proxy: `127.0.0.1:${port}`,
  });
  for (const user of ["ann", "bob"])
    sessions.set(`_oauth2_proxy=${user}`, await app.token({ user, org: `of-${user}` }));
});
afterAll(async () => {
  await dispatcher.close();
  await proxy?.stop();
  oauth2Proxy.close();
  await app?.stop();
});

const ask = (path: string, headers: Record<string, string> = {}, body?: object) =>
  fetch(proxy.url + path, {
    dispatcher,
    redirect: "manual",
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });
const ann = { cookie: "_oauth2_proxy=ann" };
const kafka = { name: "through the proxy", connector: "kafka", config: { bootstrap_servers: "127.0.0.1:1" } };

test("a browser without a session gets the log-in for the page, and a sentence for the form", async () => {
  const page = await ask("/connections?x=1");
  expect([page.status, page.headers.get("location")]).toEqual([302, expect.stringContaining("/oauth2/start?rd=")]);
  const form = await ask("/api/v1/connection_profiles", { cookie: "_oauth2_proxy=nobody" });
  expect([form.status, await form.json()]).toEqual([401, { error: "the session has ended: log in again" }]);
  expect(await (await ask("/oauth2/start?rd=/")).text()).toContain("log in");
});

test("the form calls as the user of its session, whose token it never sees", async () => {
  expect(await (await ask("/connections", ann)).text()).toContain("<title>Profiles</title>");
  const created = await ask("/api/v1/connection_profiles", ann, kafka);
  expect([created.status, await created.json()]).toMatchObject([200, { created_by: "ann" }]);
  for (const { headers } of [created, await ask("/api/v1/connectors", ann)])
    expect(JSON.stringify([...headers])).not.toMatch(/eyJ|access-token/i);
  // What the browser sends itself is not what counts.
  const [, bobs = ""] = [...sessions].at(-1) ?? [];
  const listed = await ask("/api/v1/connection_profiles", { ...ann, authorization: `Bearer ${bobs}` });
  expect(await listed.json()).toMatchObject({ data: [{ name: kafka.name, config: { name: kafka.name } }] });
  const others = await ask("/api/v1/connection_profiles", { cookie: "_oauth2_proxy=bob" });
  expect(await others.json()).toMatchObject({ data: [] });
});

test("a page of another site does not call with the cookie of the user", async () => {
  for (const site of ["cross-site", "same-site"]) {
    const forged = await ask("/api/v1/connection_profiles", { ...ann, "sec-fetch-site": site }, kafka);
    expect([site, forged.status]).toEqual([site, 403]);
  }
  expect((await ask("/api/v1/ping", { ...ann, "sec-fetch-site": "same-origin" })).status).toBe(200);
});

test("a test and its stream of steps come through", async () => {
  const tested = await ask("/api/v1/connection_profiles/test", ann, kafka);
  expect([tested.status, await tested.json()]).toMatchObject([200, { error: true, done: true }]);
  const stream = await ask("/api/v1/connection_profiles/test/stream", ann, kafka);
  expect(await stream.text()).toMatch(/^retry: .*event: message\n.*event: done\n/s);
});
