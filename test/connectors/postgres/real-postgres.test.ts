import { Client } from "pg";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { DiscoveryRequest } from "../../../src/connectors/sdk/connector.ts";
import { freePort } from "../../support/free-port.ts";
import { startBlackHole } from "../../support/servers/black-hole.ts";
import { authority, client, otherAuthority } from "../../support/servers/certificates.ts";
import { serverForTests } from "../../support/servers/server-for-tests.ts";
import { startPostgres } from "../../support/servers/start-postgres.ts";
import { wrongPassword } from "../../support/servers/users-for.ts";
import { faultMatrix } from "../fault-matrix.ts";
import { discoverWith, failure, steps, tryConnector } from "../run-probe.ts";

const [server, hole, closed] = await Promise.all([serverForTests(startPostgres), startBlackHole(), freePort()]);
/** What this process has open and running: nothing of a test may stay behind. */
const resources = () =>
  process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap" || name === "Timeout").length;
const before = resources();
afterEach(() => expect.poll(resources).toBeLessThanOrEqual(before));
afterAll(() => Promise.all([server, hole].map((one) => one?.stop())));

const tls = { ca: authority };
const facts = ({ report }: Awaited<ReturnType<typeof tryConnector>>) =>
  Object.fromEntries(report.facts.map(({ name, value }) => [name, value]));

describe("a real PostgreSQL", () => {
  const { port, database, tls: secured, users } = server;
  const right = { host: "127.0.0.1", port, database, ...users.tester };

  /** Statements of the owner, on a connection of the test's own. */
  async function run(...statements: string[]): Promise<unknown[]> {
    const { username, password } = users.tester;
    const owner = new Client({ host: "127.0.0.1", port, database, user: username, password });
    await owner.connect();
    let rows: unknown[] = [];
    for (const statement of statements) ({ rows } = await owner.query(statement));
    await owner.end();
    return rows;
  }

  faultMatrix("postgres", {
    right: [
      right,
      { ...right, tls },
      { ...right, host: "localhost", tls },
      { ...right, port: secured["other-name"], tls: { ...tls, serverName: "broker.example" } },
      { ...right, port: secured.expired, tls: { insecureSkipVerify: true } },
      { ...right, ...users.encrypted, tls },
      { ...right, ...users.certified, tls: { ...tls, ...client } },
    ],
    "wrong host": { config: { ...right, host: "no-such-host.invalid" }, fails: ["RESOLVE", "NAME_NOT_FOUND", "host"] },
    "closed port": { config: { ...right, port: closed }, fails: ["CONNECT", "CONNECTION_REFUSED", "host"] },
    "black hole": { config: { ...right, port: hole.silent }, fails: ["AUTHENTICATE", "TIMED_OUT", "username"] },
    "wrong CA": { config: { ...right, tls: { ca: otherAuthority } }, fails: ["TLS", "TLS_UNTRUSTED", "tls.ca"] },
    "expired certificate": {
      config: { ...right, port: secured.expired, tls },
      fails: ["TLS", "TLS_EXPIRED", "tls"],
    },
    "wrong name": {
      config: { ...right, port: secured["other-name"], tls },
      fails: ["TLS", "TLS_NAME_MISMATCH", "tls.server_name"],
    },
    "wrong password": {
      config: { ...right, password: wrongPassword },
      fails: ["AUTHENTICATE", "PASSWORD_WRONG", "password"],
    },
    "no permission": {
      config: { ...right, ...users.outsider },
      fails: ["AUTHORIZE", "PERMISSION_DENIED", "database"],
    },
  });

  test("in TLS is logged in to and asked what it is", async () => {
    const outcome = await tryConnector("postgres", { ...right, tls });
    expect(steps(outcome).slice(3)).toEqual([
      "TLS PASSED OK",
      "AUTHENTICATE PASSED OK",
      "AUTHORIZE PASSED OK",
      "CAPABILITY PASSED OK",
    ]);
    expect(facts(outcome)).toMatchObject({
      tls_version: "TLSv1.3",
      server_version: expect.stringMatching(/^18/),
      current_user: "tester",
      current_database: "shop",
      is_in_recovery: "false",
      read_only: "off",
    });
  });

  test.each([
    ["a user who may not use the database", { ...users.outsider }, "AUTHORIZE FAILED PERMISSION_DENIED", "database"],
    ["a database that does not exist", { database: "nowhere" }, "AUTHORIZE FAILED DATABASE_UNKNOWN", "database"],
    ["a user of TLS alone, in clear", { ...users.encrypted }, "AUTHENTICATE FAILED LOGIN_REFUSED", "username"],
    [
      "a user with a certificate, without it",
      { ...users.certified, tls },
      "AUTHENTICATE FAILED LOGIN_REFUSED",
      "username",
    ],
    ["a database that takes nobody", { database: "template0" }, "AUTHORIZE FAILED DATABASE_CLOSED", "database"],
  ])("with %s", async (_, wrong, step, field) => {
    const outcome = await tryConnector("postgres", { ...right, ...wrong });
    expect(steps(outcome)).toContain(step);
    expect(failure(outcome)?.field).toBe(field);
    expect(steps(outcome).includes("AUTHENTICATE PASSED OK")).toBe(step.startsWith("AUTHORIZE"));
  });

  async function discoverAll(question: Partial<DiscoveryRequest>) {
    const found: string[] = [];
    for (let cursor = ""; ; ) {
      const { page, ...outcome } = await discoverWith("postgres", { ...right, tls }, { ...question, cursor });
      expect(failure(outcome)).toBeUndefined();
      expect(page.resources.length).toBeLessThanOrEqual(question.pageSize ?? 50);
      found.push(...page.resources.map(({ kind, name }) => `${kind} ${name}`));
      cursor = page.nextCursor;
      if (cursor === "") return found;
    }
  }

  test("lists schemas, then tables and views, in pages", async () => {
    await run(
      `create schema "Archive"`,
      "create schema archive",
      `create schema "it's"`,
      `create table "it's"."a'b" (id int)`,
      "create table archive.events (at date) partition by range (at)",
      "create table archive.events_1 partition of archive.events default",
      "create materialized view archive.summary as select 1",
      "create index on archive.events_1 (at)",
      "create sequence archive.numbers",
      "analyze customers",
    );
    for (const pageSize of [1, 2, 50]) {
      expect(await discoverAll({ pageSize })).toEqual([
        "schema Archive",
        "schema archive",
        "schema it's",
        "schema public",
      ]);
      expect(await discoverAll({ pageSize, parent: "public" })).toEqual([
        "table public.customers",
        "table public.orders",
        "view public.totals",
      ]);
    }
    expect(await discoverAll({ parent: "archive" })).toEqual([
      "table archive.events",
      "materialized_view archive.summary",
    ]);
    expect(await discoverAll({ parent: "it's" })).toEqual(["table it's.a'b"]);
    expect(await discoverAll({ parent: "x' or true --" })).toEqual([]);
    const { page } = await discoverWith("postgres", right, { parent: "public" });
    expect(page.resources).toMatchObject([
      { container: false, facts: { estimated_rows: "2" } },
      { container: false, facts: {} },
      { container: false, facts: {} },
    ]);
    expect((await discoverWith("postgres", right)).page.resources[0]).toMatchObject({ container: true });
  });

  test("discovery that may not log in says why", async () => {
    const outcome = await discoverWith("postgres", { ...right, password: wrongPassword });
    expect(outcome.page).toEqual({ resources: [], nextCursor: "" });
    expect(failure(outcome)?.code).toBe("PASSWORD_WRONG");
  });

  test("nothing about it changes: no transaction of a test takes a number", async () => {
    const numbers = () => run("select pg_snapshot_xmax(pg_current_snapshot())::text");
    const before = await numbers();
    await tryConnector("postgres", { ...right, tls });
    await discoverWith("postgres", right, { parent: "public" });
    expect(await numbers()).toEqual(before);
  });
});
