import { randomUUID } from "node:crypto";
import { createServer } from "node:net";
import { dirname } from "node:path";
import type { Knex } from "knex";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migrate } from "../../src/database/migrate.ts";
import { openKnex } from "../../src/database/open-knex.ts";
import { checkDatabase, ownTables } from "../../src/startup-checks/check-database.ts";
import { explainDatabaseError } from "../../src/startup-checks/explain-database-error.ts";
import { toUrl } from "../support/app.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { authorityFile } from "../support/servers/certificates.ts";
import { serverForTests } from "../support/servers/server-for-tests.ts";
import { startPostgres } from "../support/servers/start-postgres.ts";

const server = await serverForTests(startPostgres);
const { tester, outsider, encrypted, certified } = server.users;
afterAll(() => server.stop());

interface Wish {
  readonly user?: { readonly username: string; readonly password: string };
  readonly port?: number;
  readonly query?: string;
}

function check({ user = tester, port = server.port, query = "" }: Wish): Promise<string | undefined> {
  const { username, password } = user;
  return checkDatabase(`postgres://${username}:${encodeURIComponent(password)}@127.0.0.1:${port}/shop?${query}`);
}

describe("checkDatabase", () => {
  test("says nothing about a database that can be used, in clear and in TLS", async () => {
    expect(await check({})).toBeUndefined();
    expect(await check({ query: `sslmode=verify-full&sslrootcert=${authorityFile}` })).toBeUndefined();
    const folder = dirname(authorityFile);
    const files = `sslcert=${folder}/client.pem&sslkey=${folder}/client-key.pem&sslrootcert=${authorityFile}`;
    expect(await check({ user: certified, query: files })).toBeUndefined();
  });

  test("names a wrong password, and repeats none", async () => {
    const found = await check({ user: { ...tester, password: "hunter2" } });
    expect(found).toContain(`the server rejects user ${tester.username} or the password: check both`);
    expect(found).not.toContain("hunter2");
    expect(await check({ user: { ...tester, password: "" } })).toContain("the server asks for a password");
    expect(await check({ user: { username: "nobody-there", password: "x" } })).toContain("rejects user nobody-there");
  });

  test("names a user who may not connect, and one who must use TLS", async () => {
    expect(await check({ user: outsider })).toContain('grant connect on database "shop"');
    expect(await check({ user: encrypted })).toContain("with TLS only: add sslmode=verify-full to the URL");
    const unsigned = await check({ user: certified, query: `sslmode=verify-full&sslrootcert=${authorityFile}` });
    expect(unsigned).toMatch(/does not let user \S+ in \(.+\): check the user, and pg_hba.conf/);
  });

  test("names what is wrong with TLS", async () => {
    const full = `sslmode=verify-full&sslrootcert=${authorityFile}`;
    expect(await check({ query: "sslmode=verify-full" })).toContain("add sslrootcert=FILE with that authority");
    expect(await check({ port: server.tls.expired, query: full })).toContain("has expired: renew it there");
    expect(await check({ port: server.tls["other-name"], query: full })).toContain("is for another name");
    expect(await check({ query: "sslrootcert=/no/such" })).toBe(
      "a file of its TLS parameters: there is no file /no/such: check the path",
    );
    expect(await check({ query: "sslnegotiation=perhaps" })).toContain("has a parameter that cannot be used: ");
  });

  test("says that a server which says nothing does not answer", async () => {
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    const { port } = silent.address() as { port: number };
    expect(await check({ port })).toBe(`no answer from 127.0.0.1:${port} within 5 s: check host, port and firewall`);
    silent.close();
  });

  test.each([
    ["ENOTFOUND", "", "is not known to this machine's name servers"],
    ["EAI_AGAIN", "", "is not known to this machine's name servers"],
    ["EHOSTUNREACH", "", "there is no route to db.example:5432"],
    ["ECONNRESET", "read ECONNRESET", "is not PostgreSQL, or closes the connection"],
    ["53300", "too many clients", "raise its max_connections"],
    ["57P03", "the database system is starting up", "start again in a moment"],
    ["28000", 'no pg_hba.conf entry for host "h", user "u", database "d", no encryption', "add sslmode=verify-full"],
    ["", "The server does not support SSL connections", "use sslmode=disable in a network that you trust"],
    ["XX000", "something else", "cannot be used at db.example:5432: something else"],
  ])("%s %s is explained", (code, message, said) => {
    const error = Object.assign(new Error(message), { code });
    const target = { host: "db.example", port: 5432, user: "u", database: "d" };
    expect(explainDatabaseError(error, target)).toContain(said);
  });
});

describe("the rights of the database's user", () => {
  const user = `limited_${randomUUID().replaceAll("-", "")}`;
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let asUser: Knex;
  const url = () => toUrl({ ...database.target, user });

  beforeAll(async () => {
    database = await createTestDatabase();
    await database.knex.raw("create role ?? login", [user]);
    asUser = openKnex({ ...database.target, user }, 1);
  });
  afterAll(async () => {
    await asUser.destroy();
    await database.knex.raw("drop owned by ??", [user]);
    await database.knex.raw("drop role ??", [user]);
    await database.drop();
  });

  test("a user who may not write the tables is named, with the statement that mends it", async () => {
    const found = await checkDatabase(url());
    expect(found).toContain(`user ${user} may not read and write connection, `);
    const grant = /`(grant .*)`/.exec(found ?? "")?.[1] ?? "";
    await database.knex.raw(grant);
    expect(await checkDatabase(url())).toBeUndefined();
  });

  test("with all migrations applied by another user, such a user needs no right to create tables", async () => {
    await expect(migrate(asUser)).resolves.toBeUndefined();
  });

  test("a user who may not create tables in an empty database is named, with the statement that mends it", async () => {
    await database.knex.raw("drop schema public cascade");
    await database.knex.raw("create schema public");
    expect(await checkDatabase(url())).toContain(`user ${user} has no schema to use`);
    await database.knex.raw("grant usage on schema public to ??", [user]);
    const found = await checkDatabase(url());
    expect(found).toContain(`user ${user} may not create tables in database ${database.target.database}`);
    await database.knex.raw(/`(grant .*)`/.exec(found ?? "")?.[1] ?? "");
    expect(await checkDatabase(url())).toBeUndefined();
    await migrate(asUser);
    expect(await checkDatabase(url())).toBeUndefined();
    const tables = await database.knex.raw<{ rows: { name: string }[] }>(
      "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')",
    );
    expect(tables.rows.map(({ name }) => name).toSorted()).toEqual(ownTables);
  });

  test("a database that takes no writes is named", async () => {
    await database.knex.raw("alter role ?? set default_transaction_read_only = on", [user]);
    expect(await checkDatabase(url())).toContain("is set to read only");
  });
});
