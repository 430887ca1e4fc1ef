import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { freePort } from "../../support/free-port.ts";
import { startBlackHole } from "../../support/servers/black-hole.ts";
import { authority, certificateTexts, client, otherAuthority } from "../../support/servers/certificates.ts";
import { serverForTests } from "../../support/servers/server-for-tests.ts";
import { startNginx } from "../../support/servers/start-nginx.ts";
import { wrongPassword } from "../../support/servers/users-for.ts";
import { faultMatrix } from "../fault-matrix.ts";
import { expectNothingLeft, openResources } from "../open-resources.ts";
import { failure, steps, tryConnector } from "../run-probe.ts";

const nginx = await serverForTests(startNginx);
const hole = await startBlackHole();
const closedPort = await freePort();
let before = 0;
beforeEach(() => {
  before = openResources();
});
afterEach(() => expectNothingLeft(before));
afterAll(async () => {
  await nginx.stop();
  await hole.stop();
});

describe("a real nginx", () => {
  const { port, tls: ports, mutual, users, token, apiKey } = nginx;
  const clear = `http://127.0.0.1:${port}`;
  const secured = `https://localhost:${ports.good}`;
  const tls = { ca: authority };
  const basic = (user: { username: string; password: string }) => ({
    authentication: { case: "basic" as const, value: user },
  });
  const bearer = (value: string) => ({ authentication: { case: "bearer" as const, value: { token: value } } });

  faultMatrix("http", {
    right: [
      { url: `${clear}/ok` },
      { url: `${secured}/ok`, tls },
      { url: `${secured}/private`, tls, ...basic(users.tester) },
      { url: `${secured}/bearer`, tls, ...bearer(token) },
      { url: `${secured}/keyed`, tls, headers: { "X-Api-Key": apiKey } },
      { url: `https://localhost:${mutual}/ok`, tls: { ca: authority, ...client } },
      { url: `https://localhost.:${ports.good}/ok`, tls },
      { url: `${secured}/ok`, tls: { ca: certificateTexts("good").cert } },
      { url: `${secured}/no-head`, tls, ...basic(users.tester) },
      { url: `${secured}/head-closed`, tls },
      { url: `${clear}/head-closed` },
    ],
    "wrong host": { config: { url: "http://nowhere.invalid/" }, fails: ["RESOLVE", "NAME_NOT_FOUND", "url"] },
    "closed port": {
      config: { url: `http://127.0.0.1:${closedPort}/` },
      fails: ["CONNECT", "CONNECTION_REFUSED", "url"],
    },
    "black hole": { config: { url: `http://127.0.0.1:${hole.silent}/` }, fails: ["AUTHENTICATE", "TIMED_OUT", "url"] },
    "wrong CA": {
      config: { url: `${secured}/ok`, tls: { ca: otherAuthority } },
      fails: ["TLS", "TLS_UNTRUSTED", "tls.ca"],
    },
    "expired certificate": {
      config: { url: `https://localhost:${ports.expired}/ok`, tls },
      fails: ["TLS", "TLS_EXPIRED", "tls"],
    },
    "wrong name": {
      config: { url: `https://localhost:${ports["other-name"]}/ok`, tls },
      fails: ["TLS", "TLS_NAME_MISMATCH", "tls.server_name"],
    },
    "wrong password": {
      config: { url: `${secured}/private`, tls, ...basic({ ...users.tester, password: wrongPassword }) },
      fails: ["AUTHENTICATE", "PASSWORD_WRONG", "basic.password"],
    },
    "no permission": {
      config: { url: `${secured}/private`, tls, ...basic(users.outsider) },
      fails: ["AUTHORIZE", "PERMISSION_DENIED", "basic.username"],
    },
  });

  test("reports every stage, and what answered", async () => {
    const outcome = await tryConnector("http", { url: `${secured}/ok?page=1`, tls });
    expect(outcome.message).toBe(`HTTP answered at ${secured}/ok`);
    expect(steps(outcome)).toEqual([
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS PASSED OK",
      "AUTHENTICATE PASSED OK",
      "AUTHORIZE PASSED OK",
      "CAPABILITY PASSED OK",
    ]);
    const facts = Object.fromEntries(outcome.report.facts.map(({ name, value }) => [name, value]));
    expect(facts).toMatchObject({ status: "200", content_type: "application/json" });
    expect(facts.tls_version).toMatch(/^TLSv1\.[23]$/);
    expect(facts.server).toMatch(/^nginx/);
  });

  test.each([
    ["/private", {}, "AUTHENTICATE", "PASSWORD_MISSING", "basic"],
    ["/private", { headers: { Authorization: canary("no-login") } }, "AUTHENTICATE", "PASSWORD_WRONG", "headers"],
    ["/bearer", bearer(canary("no-token")), "AUTHENTICATE", "PASSWORD_WRONG", "bearer.token"],
    ["/keyed", { headers: { "x-api-key": canary("no-key") } }, "AUTHORIZE", "PERMISSION_DENIED", "headers"],
    ["/forbidden", {}, "AUTHORIZE", "PERMISSION_DENIED", "url"],
    ["/missing", {}, "CAPABILITY", "NOT_FOUND", "url"],
    ["/broken", {}, "CAPABILITY", "SERVER_ERROR", "url"],
    ["/unavailable", {}, "CAPABILITY", "UNAVAILABLE", "url"],
    ["/throttled", {}, "CAPABILITY", "TOO_MANY_REQUESTS", "url"],
    ["/redirect-loop", {}, "CAPABILITY", "TOO_MANY_REDIRECTS", "url"],
  ] as const)("%s fails where it should", async (path, login, stage, code, field) => {
    const outcome = await tryConnector("http", { url: `${secured}${path}`, tls, ...login });
    const failed = outcome.report.steps.find((step) => step.code === code);
    expect(steps(outcome)).toContain(`${stage} FAILED ${code}`);
    expect(failed?.field).toBe(field);
  });

  test("does not read server-sent events to their end, and follows a redirect of its own", async () => {
    expect(await tryConnector("http", { url: `${secured}/events`, tls })).toMatchObject({ error: false });
    const outcome = await tryConnector("http", { url: `${secured}/redirect`, tls });
    expect(outcome.error).toBe(false);
    expect(outcome.report.facts).toContainEqual(expect.objectContaining({ name: "final_url", value: `${secured}/ok` }));
    expect(steps(outcome)).toHaveLength(7);
  });

  test("a redirect to another origin is dialled on a new connection, without the log-in", async () => {
    const known = await tryConnector("http", { url: `${secured}/redirect-elsewhere`, tls });
    expect(known.error).toBe(false);
    expect(steps(known)).toContain("CAPABILITY WARNING REDIRECTED");
    const outcome = await tryConnector("http", { url: `${clear}/redirect-elsewhere` });
    expect(steps(outcome)).toEqual([
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS SKIPPED NOT_CONFIGURED",
      "AUTHENTICATE PASSED OK",
      "CAPABILITY WARNING REDIRECTED",
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS FAILED TLS_UNTRUSTED",
      "AUTHORIZE NOT_EXECUTED NOT_REACHED",
    ]);
  });

  test("a redirect to the metadata service is denied", async () => {
    const outcome = await tryConnector("http", { url: `${clear}/redirect-metadata` });
    expect(failure(outcome)).toMatchObject({ code: "EGRESS_DENIED", endpoint: "169.254.169.254:80", field: "url" });
    expect(failure(outcome)?.hint).toContain("the server redirects its clients to this address");
    expect(steps(outcome).filter((step) => step.startsWith("CONNECT PASSED"))).toHaveLength(1);
  });

  test("a log-in in clear is a warning", async () => {
    const outcome = await tryConnector("http", { url: `${clear}/private`, ...basic(users.tester) });
    expect(outcome.error).toBe(false);
    expect(steps(outcome)).toContain("AUTHENTICATE WARNING PASSWORD_IN_CLEAR");
    const keyed = await tryConnector("http", { url: `${clear}/keyed`, headers: { "x-api-key": apiKey } });
    expect(steps(keyed)).toContain("AUTHENTICATE WARNING PASSWORD_IN_CLEAR");
  });

  test("HTTP to a port with TLS, and TLS to a port in clear", async () => {
    const clearToTls = await tryConnector("http", { url: `http://127.0.0.1:${ports.good}/ok` });
    expect(failure(clearToTls)).toMatchObject({ code: "BAD_REQUEST", field: "url" });
    const tlsToClear = await tryConnector("http", { url: `https://127.0.0.1:${port}/ok`, tls });
    expect(failure(tlsToClear)?.code).toMatch(/^TLS_(CLOSED|NOT_SPOKEN)$/);
  });
});
