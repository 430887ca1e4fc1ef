import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startEmbeddedPostgres } from "../../../src/database/embedded/start-embedded-postgres.ts";
import { type DatabaseAddress, openKnex } from "../../../src/database/open-knex.ts";
import { type LocalServer, pem, secure, startLocalServer } from "../local-server.ts";
import { failure, runPostgresTest, steps } from "../run-probe.ts";

const password = "correct horse battery staple";
const user = { username: "tester", password, database: "connectory" };
const servers: LocalServer[] = [];
let dataDir: string;
let stopPostgres: () => Promise<void>;
let target: DatabaseAddress;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "connectory-test-connector-"));
  const started = await startEmbeddedPostgres({ dataDir, log: pino({ level: "error" }), fsync: false });
  ({ target, stop: stopPostgres } = started);
  const knex = openKnex(target, 1);
  await knex.raw(`create role tester login password '${password}'`);
  await writeFile(
    join(dataDir, "postgres/pg_hba.conf"),
    "local all tester scram-sha-256\nlocal all outsider reject\nlocal all all trust\n",
  );
  await knex.raw("select pg_reload_conf()");
  await knex.destroy();
});
afterEach(async () => {
  const ended = servers.splice(0);
  const open = ended.map((server) => server.open());
  for (const server of ended) await server.close();
  expect(open).toEqual(ended.map(() => 0));
});
afterAll(async () => {
  await stopPostgres();
  await rm(dataDir, { recursive: true, force: true });
});

async function serve(behave: (socket: Socket) => void): Promise<LocalServer> {
  const server = await startLocalServer(behave);
  servers.push(server);
  return server;
}

/** Hands a connection on to the real server, which listens on a unix socket alone. */
function forward(from: Socket): void {
  const to = connect(`${target.host}/.s.PGSQL.${target.port}`);
  from.pipe(to).pipe(from);
  to.on("error", () => from.destroy());
  from.on("error", () => to.destroy()).once("close", () => to.destroy());
}

/** The real server behind TLS: answers SSLRequest as PostgreSQL does. */
const tlsFront = (certificate: string) =>
  serve((socket) =>
    socket.once("data", () => {
      socket.write("S");
      forward(secure(socket, certificate));
    }),
  );

/** Both ends of every socket are gone: the server's view lags by a few milliseconds. */
async function settle(server: LocalServer): Promise<void> {
  await expect.poll(() => server.open()).toBe(0);
}

describe("the real server", () => {
  test("is logged in to and asked what it is", async () => {
    const server = await serve(forward);
    const outcome = await runPostgresTest({ host: "localhost", port: server.port, ...user });
    expect(outcome.error).toBe(false);
    expect(steps(outcome)).toEqual([
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS SKIPPED NOT_CONFIGURED",
      "AUTHENTICATE PASSED OK",
      "AUTHORIZE PASSED OK",
      "CAPABILITY PASSED OK",
    ]);
    expect(outcome.report.steps.every(({ endpoint }) => endpoint === `localhost:${server.port}`)).toBe(true);
    const facts = Object.fromEntries(outcome.report.facts.map(({ name, value }) => [name, value]));
    expect(facts).toMatchObject({ current_user: "tester", current_database: "connectory", is_in_recovery: "false" });
    expect(facts.server_version).toMatch(/^18/);
    expect(server.total()).toBe(1);
    await settle(server);
  });

  test.each([
    [{ password: "wrong" }, "PASSWORD_WRONG", "password"],
    [{ password: "" }, "PASSWORD_MISSING", "password"],
    [{ database: "nowhere" }, "DATABASE_UNKNOWN", "database"],
    [{ username: "nobody" }, "LOGIN_REFUSED", "username"],
    [{ username: "outsider" }, "LOGIN_REFUSED", "username"],
  ])("with %j it answers %s", async (wrong, code, field) => {
    const server = await serve(forward);
    const outcome = await runPostgresTest({ host: "127.0.0.1", port: server.port, ...user, ...wrong });
    expect(outcome.error).toBe(true);
    expect(failure(outcome)).toMatchObject({ code, field });
    expect(outcome.message).toContain(code);
    expect(steps(outcome).at(-1)).toBe("CAPABILITY NOT_EXECUTED NOT_REACHED");
    expect(JSON.stringify(outcome.report.steps.map(({ hint, code }) => [hint, code]))).not.toContain(password);
    await settle(server);
  });

  test("this process's own PG* variables go nowhere", async () => {
    const received: Buffer[] = [];
    const server = await serve((socket) => {
      socket.on("data", (chunk: Buffer) => received.push(chunk));
      // AuthenticationCleartextPassword
      socket.once("data", () => socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3])));
      setTimeout(() => socket.end(), 200);
    });
    const names = ["PGPASSWORD", "PGUSER", "PGDATABASE", "PGOPTIONS", "PGAPPNAME"];
    for (const name of names) process.env[name] = "of-the-server-itself";
    try {
      await runPostgresTest({ host: "127.0.0.1", port: server.port, username: "tester" });
    } finally {
      for (const name of names) delete process.env[name];
    }
    expect(received.length).toBeGreaterThan(0);
    expect(Buffer.concat(received).toString("latin1")).not.toContain("of-the-server-itself");
    await settle(server);
  });
});

describe("TLS", () => {
  const tls = { ca: pem("authority") };

  test("with the right authority works and tells version and expiry", async () => {
    const server = await tlsFront("server");
    const outcome = await runPostgresTest({ host: "localhost", port: server.port, ...user, tls });
    expect(steps(outcome)).toContain("TLS PASSED OK");
    expect(outcome.error).toBe(false);
    const facts = Object.fromEntries(outcome.report.facts.map(({ name, value }) => [name, value]));
    expect(facts).toMatchObject({ tls_version: "TLSv1.3", certificate_expires: "2120-01-01T00:00:00.000Z" });
    await settle(server);
  });

  test("checks an address and an expected name too", async () => {
    const byAddress = await tlsFront("server");
    expect((await runPostgresTest({ host: "127.0.0.1", port: byAddress.port, ...user, tls })).error).toBe(false);
    const named = await tlsFront("other-name");
    const outcome = await runPostgresTest({
      host: "127.0.0.1",
      port: named.port,
      ...user,
      tls: { ...tls, serverName: "broker.example" },
    });
    expect(outcome.error).toBe(false);
    await settle(byAddress);
    await settle(named);
  });

  test.each([
    ["server", {}, "TLS_UNTRUSTED", "tls.ca"],
    ["other-name", tls, "TLS_NAME_MISMATCH", "tls.server_name"],
    ["expired", tls, "TLS_EXPIRED", "tls"],
  ])("case %#: certificate %s", async (certificate, config, code, field) => {
    const server = await tlsFront(certificate);
    const outcome = await runPostgresTest({ host: "localhost", port: server.port, ...user, tls: config });
    expect(failure(outcome)).toMatchObject({ code, field });
    expect(steps(outcome).slice(-3)).toEqual([
      "AUTHENTICATE NOT_EXECUTED NOT_REACHED",
      "AUTHORIZE NOT_EXECUTED NOT_REACHED",
      "CAPABILITY NOT_EXECUTED NOT_REACHED",
    ]);
    await settle(server);
  });

  test("without verification works and warns", async () => {
    const server = await tlsFront("expired");
    const outcome = await runPostgresTest({
      host: "localhost",
      port: server.port,
      ...user,
      tls: { insecureSkipVerify: true },
    });
    expect(outcome.error).toBe(false);
    expect(steps(outcome)).toContain("TLS WARNING TLS_NOT_VERIFIED");
    await settle(server);
  });

  test("a server without TLS", async () => {
    const server = await serve(forward);
    const outcome = await runPostgresTest({ host: "localhost", port: server.port, ...user, tls });
    expect(failure(outcome)).toMatchObject({ code: "TLS_NOT_OFFERED", field: "tls" });
    await settle(server);
  });

  test("bytes smuggled in before the handshake end it", async () => {
    const server = await serve((socket) => socket.once("data", () => socket.write("SR\0\0\0\x08\0\0\0\0")));
    const outcome = await runPostgresTest({ host: "localhost", port: server.port, ...user, tls });
    expect(failure(outcome)?.code).toBe("NOT_A_POSTGRES_SERVER");
    await settle(server);
  });
});
