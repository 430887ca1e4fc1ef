import { execFile } from "node:child_process";
import { chmod, chown, copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { clusterDirArgument, createCluster } from "../../../src/database/embedded/create-cluster.ts";
import { locatePostgres } from "../../../src/database/embedded/locate-postgres.ts";
import type { PostgresOsUser } from "../../../src/database/embedded/postgres-os-user.ts";
import { idleNamedOsUser } from "../../../src/database/embedded/unused-os-user.ts";
import { freePort } from "../free-port.ts";
import { authorityFile, type Certificate, certificateFiles, type TlsPorts } from "./certificates.ts";
import { createServerDir } from "./create-server-dir.ts";
import { runServer } from "./run-server.ts";
import { shopTables } from "./shop-tables.ts";
import { type TestUser, userOf, usersFor } from "./users-for.ts";

const users = {
  ...usersFor("postgres"),
  encrypted: userOf("postgres", "encrypted"),
  certified: userOf("postgres", "certified"),
};

export interface TestPostgres {
  readonly host: "127.0.0.1";
  /** In clear, and TLS with the good certificate for who asks for it: the same as `tls.good`. */
  readonly port: number;
  /** Three servers: the protocol begins in clear, so nobody else can end TLS for them. */
  readonly tls: TlsPorts;
  /** Has the tables of shop-tables.ts, in the schema `public`. */
  readonly database: "shop";
  readonly users: {
    /** Owns `shop` and its tables. */
    readonly tester: TestUser;
    /** Logs in to the database `postgres`; `shop` is refused (42501) after its password was found right. */
    readonly outsider: TestUser;
    /** As the tester, but only in TLS; in clear it is refused (28000). */
    readonly encrypted: TestUser;
    /** As the tester, but only with the client's certificate; without one it is refused (28000). */
    readonly certified: TestUser;
  };
  stop(): Promise<void>;
}

/** Three PostgreSQL 18 servers of the npm package, one a certificate, in about 1.5 s. Passwords are SCRAM's. */
export async function startPostgres(): Promise<TestPostgres> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await createServerDir("postgres")).path;
  const template = join(dir, "template");
  // PostgreSQL refuses uid 0, and without a server it wants a user that has a name.
  const account = process.getuid?.() === 0 ? await idleNamedOsUser() : {};
  const home = await locatePostgres(account, dir);
  const program = join(home, "bin/postgres");
  await createCluster({ home, clusterDir: template, account, fsync: false });
  await alone({ program, template, account, database: "postgres", sql: usersAndDatabase });
  await alone({ program, template, account, database: "shop", sql: `set role tester;\n${shopTables}` });
  await writeFile(join(template, "pg_hba.conf"), whoMayCome);

  const start = async (certificate: Certificate) => {
    const [port, cluster] = [await freePort(), join(dir, certificate)];
    await promisify(execFile)("cp", ["-a", template, cluster]);
    await placeCertificate(cluster, certificate, account);
    const args = ["-D", clusterDirArgument(cluster), ...settings(port)];
    stack.use(
      await runServer({ command: program, args, dir: cluster, account, ports: [port], signal: "SIGINT", env: {} }),
    );
    return port;
  };
  const port = await start("good");
  const tls = { good: port, expired: await start("expired"), "other-name": await start("other-name") };
  const owned = stack.move();
  return { host: "127.0.0.1", port, tls, database: "shop", users, stop: () => owned.disposeAsync() };
}

/** Runs statements, one a line, before there is a server. */
async function alone(options: {
  readonly program: string;
  readonly template: string;
  readonly account: PostgresOsUser;
  readonly database: string;
  readonly sql: string;
}): Promise<void> {
  const args = ["--single", "-F", "-D", clusterDirArgument(options.template), options.database];
  const running = promisify(execFile)(options.program, args, { ...options.account, cwd: options.template, env: {} });
  running.child.stdin?.end(options.sql);
  const { stderr } = await running;
  if (/ERROR|FATAL/.test(stderr)) throw new Error(`PostgreSQL refused a statement: ${stderr}`);
}

/** PostgreSQL takes a key only from its owner, and with the mode 0600. */
async function placeCertificate(cluster: string, certificate: Certificate, { uid, gid }: PostgresOsUser) {
  const { cert, key } = certificateFiles(certificate);
  for (const [from, name] of [
    [cert, "server.crt"],
    [key, "server.key"],
    [authorityFile, "root.crt"],
  ] as const) {
    const to = join(cluster, name);
    await copyFile(from, to);
    await chmod(to, 0o600);
    if (uid !== undefined && gid !== undefined) await chown(to, uid, gid);
  }
}

function settings(port: number): string[] {
  const values = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    ssl: "on",
    ssl_ca_file: "root.crt",
    fsync: "off",
    shared_buffers: "16MB",
    max_connections: 50,
    timezone: "UTC",
  };
  return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

const { tester, outsider, encrypted, certified } = users;

const usersAndDatabase = `
create role ${tester.username} login password '${tester.password}';
create role ${outsider.username} login password '${outsider.password}';
create role ${encrypted.username} login password '${encrypted.password}' in role ${tester.username};
create role ${certified.username} login password '${certified.password}' in role ${tester.username};
create database shop owner ${tester.username};
revoke connect on database shop from public;
`;

const whoMayCome = `
hostnossl all ${encrypted.username},${certified.username} all reject
hostssl all ${certified.username} all scram-sha-256 clientcert=verify-ca
host all all all scram-sha-256
`;
