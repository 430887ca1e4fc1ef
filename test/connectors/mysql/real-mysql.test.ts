import { createConnection } from "mysql2/promise";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { DiscoveryRequest } from "../../../src/connectors/sdk/connector.ts";
import { freePort } from "../../support/free-port.ts";
import { startBlackHole } from "../../support/servers/black-hole.ts";
import { authority, client, otherAuthority } from "../../support/servers/certificates.ts";
import { serverForTests } from "../../support/servers/server-for-tests.ts";
import { startMariadb } from "../../support/servers/start-mariadb.ts";
import { wrongPassword } from "../../support/servers/users-for.ts";
import { faultMatrix } from "../fault-matrix.ts";
import { discoverWith, failure, steps, tryConnector } from "../run-probe.ts";

const [server, hole, closed] = await Promise.all([serverForTests(startMariadb), startBlackHole(), freePort()]);
/** What this process has open and running: nothing of a test may stay behind. */
const resources = () =>
  process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap" || name === "Timeout").length;
const before = resources();
afterEach(() => expect.poll(resources).toBeLessThanOrEqual(before));
afterAll(() => Promise.all([server, hole].map((one) => one?.stop())));

const tls = { ca: authority };
const facts = ({ report }: Awaited<ReturnType<typeof tryConnector>>) =>
  Object.fromEntries(report.facts.map(({ name, value }) => [name, value]));

describe("a real MariaDB", () => {
  const { port, database, tls: secured, users } = server;
  const right = { host: "127.0.0.1", port, database, ...users.tester };

  faultMatrix("mysql", {
    right: [
      right,
      { ...right, database: "" },
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

  test("in clear is logged in to and asked what it is", async () => {
    const outcome = await tryConnector("mysql", right);
    expect(outcome.message).toBe(`MySQL answered at tester@127.0.0.1:${port}/shop`);
    expect(steps(outcome)).toEqual([
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS SKIPPED NOT_CONFIGURED",
      "AUTHENTICATE PASSED OK",
      "AUTHORIZE PASSED OK",
      "CAPABILITY PASSED OK",
    ]);
    expect(facts(outcome)).toEqual({
      server_version: expect.stringMatching(/MariaDB/),
      current_user: "tester@%",
      database: "shop",
      read_only: "0",
    });
  });

  test("in TLS tells what it is encrypted with, and what follows is", async () => {
    const outcome = await tryConnector("mysql", { ...right, ...users.encrypted, tls });
    expect(steps(outcome)).toContain("TLS PASSED OK");
    expect(facts(outcome)).toMatchObject({ tls_version: "TLSv1.3", tls_cipher: expect.stringMatching(/^TLS_/) });
  });

  test.each([
    ["an unknown user", { username: "nobody" }, "AUTHENTICATE FAILED PASSWORD_WRONG", "password"],
    ["no password", { password: "" }, "AUTHENTICATE FAILED PASSWORD_MISSING", "password"],
    ["a user of TLS alone, in clear", { ...users.encrypted }, "AUTHENTICATE FAILED PASSWORD_WRONG", "password"],
    [
      "a user with a certificate, without it",
      { ...users.certified, tls },
      "AUTHENTICATE FAILED PASSWORD_WRONG",
      "password",
    ],
    ["a user without rights", { ...users.outsider }, "AUTHORIZE FAILED PERMISSION_DENIED", "database"],
    ["a user without rights, in TLS", { ...users.outsider, tls }, "AUTHORIZE FAILED PERMISSION_DENIED", "database"],
  ])("with %s", async (_, wrong, step, field) => {
    const outcome = await tryConnector("mysql", { ...right, ...wrong });
    expect(steps(outcome)).toContain(step);
    expect(failure(outcome)?.field).toBe(field);
    expect(steps(outcome).includes("AUTHENTICATE PASSED OK")).toBe(step.startsWith("AUTHORIZE"));
  });

  test("an unknown database, for a user who would see it", async () => {
    const connection = await createConnection({ host: "127.0.0.1", port, user: "root" });
    await connection.query(`grant select on nowhere.* to '${users.tester.username}'@'%'`);
    await connection.end();
    const outcome = await tryConnector("mysql", { ...right, database: "nowhere" });
    expect(steps(outcome)).toContain("AUTHORIZE FAILED DATABASE_UNKNOWN");
    expect(failure(outcome)?.field).toBe("database");
  });

  test("a method to log in that is not supported", async () => {
    const connection = await createConnection({ host: "127.0.0.1", port, user: "root" });
    await connection.query("install soname 'auth_ed25519'");
    await connection.query(
      `create user 'modern'@'%' identified via ed25519 using password('${users.tester.password}')`,
    );
    await connection.end();
    const outcome = await tryConnector("mysql", { ...right, username: "modern", tls });
    expect(failure(outcome)).toMatchObject({ code: "AUTH_METHOD_UNSUPPORTED", field: "username" });
  });

  async function discoverAll(question: Partial<DiscoveryRequest>) {
    const found: string[] = [];
    for (let cursor = ""; ; ) {
      const { page, ...outcome } = await discoverWith("mysql", { ...right, tls }, { ...question, cursor });
      expect(failure({ ...outcome })).toBeUndefined();
      expect(page.resources.length).toBeLessThanOrEqual(question.pageSize ?? 50);
      found.push(...page.resources.map(({ kind, name }) => `${kind} ${name}`));
      cursor = page.nextCursor;
      if (cursor === "") return found;
    }
  }

  test("lists databases, then tables and views, in pages", async () => {
    const connection = await createConnection({ host: "127.0.0.1", port, user: "root" });
    // Names that are the same in the server's own order, and one that would end a text.
    for (const name of ["Archive", "archive", "it's"])
      await connection
        .query(`create database \`${name}\``)
        .then(() => connection.query(`grant all on \`${name}\`.* to 'tester'@'%'`));
    await connection.query("create table `it's`.`a'b` (id int)");
    await connection.end();
    for (const pageSize of [1, 2, 50]) {
      expect(await discoverAll({ pageSize })).toEqual([
        "database Archive",
        "database archive",
        "database it's",
        "database shop",
      ]);
      expect(await discoverAll({ pageSize, parent: "shop" })).toEqual([
        "table shop.customers",
        "table shop.orders",
        "view shop.totals",
      ]);
    }
    expect(await discoverAll({ parent: "it's" })).toEqual(["table it's.a'b"]);
    for (const parent of ["SHOP", "shop' or '1'='1", "\\' or 1=1 -- "])
      expect(await discoverAll({ parent })).toEqual([]);
    const { page } = await discoverWith("mysql", right, { parent: "shop" });
    expect(page.resources[0]).toMatchObject({ container: false, facts: { engine: "InnoDB" } });
    expect((await discoverWith("mysql", right)).page.resources[0]).toMatchObject({ container: true });
  });

  test("discovery that may not log in says why", async () => {
    const outcome = await discoverWith("mysql", { ...right, password: wrongPassword });
    expect(outcome.page).toEqual({ resources: [], nextCursor: "" });
    expect(failure(outcome)?.code).toBe("PASSWORD_WRONG");
  });

  test("nothing about it changes", async () => {
    const connection = await createConnection({ host: "127.0.0.1", port, user: "root" });
    const written = async () => {
      const [rows] = await connection.query(
        "show global status where variable_name regexp '^com_(insert|update|delete|create|drop|alter|grant|set|load)'",
      );
      return rows;
    };
    const before = await written();
    await tryConnector("mysql", { ...right, tls });
    await discoverWith("mysql", right, { parent: "shop" });
    expect(await written()).toEqual(before);
    await connection.end();
  });
});
