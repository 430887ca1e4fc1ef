import { execFile } from "node:child_process";
import { cp, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../free-port.ts";
import { authorityFile, type Certificate, certificateFiles, type TlsPorts } from "./certificates.ts";
import { createServerDir } from "./create-server-dir.ts";
import { findProgram } from "./find-program.ts";
import { runServer } from "./run-server.ts";
import { shopTables } from "./shop-tables.ts";
import { type TestUser, userOf, usersFor } from "./users-for.ts";

const users = {
  ...usersFor("mariadb"),
  encrypted: userOf("mariadb", "encrypted"),
  certified: userOf("mariadb", "certified"),
};

export interface TestMariadb {
  readonly host: "127.0.0.1";
  /** In clear, and TLS with the good certificate for who asks for it: the same as `tls.good`. */
  readonly port: number;
  /** Three servers: the protocol begins in clear, so nobody else can end TLS for them. */
  readonly tls: TlsPorts;
  /** Has the tables of shop-tables.ts. */
  readonly database: "shop";
  readonly users: {
    /** Every right in `shop`. */
    readonly tester: TestUser;
    /** May log in; `USE shop` is denied (1044), and so is a log-in that names it. */
    readonly outsider: TestUser;
    /** As the tester, but only in TLS; in clear its log-in fails like one with a wrong password (1045). */
    readonly encrypted: TestUser;
    /** As the tester, but only with the client's certificate. */
    readonly certified: TestUser;
  };
  stop(): Promise<void>;
}

/** Three MariaDB servers, one a certificate, in about 2.5 s. */
export async function startMariadb(): Promise<TestMariadb> {
  const command = findProgram("mariadbd", "mariadb-server");
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await createServerDir("mariadb")).path;
  await writeFile(join(dir, "init.sql"), initSql);
  await createDatabases(join(dir, "data-good"));
  const start = async (certificate: Certificate) => {
    const data = join(dir, `data-${certificate}`);
    if (certificate !== "good") await cp(join(dir, "data-good"), data, { recursive: true });
    const port = await freePort();
    return {
      command,
      args: settings({ data, certificate, port, initFile: join(dir, "init.sql") }),
      dir,
      ports: [port],
    };
  };
  // All copies are made before the first server touches its own.
  const [good, expired, otherName] = [await start("good"), await start("expired"), await start("other-name")];
  const run = async (server: typeof good) => stack.use(await runServer(server));
  const failed = (await Promise.allSettled([good, expired, otherName].map(run))).find(
    (result) => result.status === "rejected",
  );
  if (failed !== undefined) throw failed.reason;
  const [port = 0] = good.ports;
  const owned = stack.move();
  return {
    host: "127.0.0.1",
    port,
    tls: { good: port, expired: expired.ports[0] ?? 0, "other-name": otherName.ports[0] ?? 0 },
    database: "shop",
    users,
    stop: () => owned.disposeAsync(),
  };
}

/** Of the smallest size that InnoDB takes: 20 MB less to copy. */
const storage = ["--innodb-log-file-size=4M", "--innodb-data-file-path=ibdata1:4M:autoextend"];
/** Root it may only be when it is said so. */
const account = `--user=${userInfo().username}`;

async function createDatabases(data: string): Promise<void> {
  const install = findProgram("mariadb-install-db", "mariadb-server");
  const quick = ["--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-flush-method=nosync"];
  await promisify(execFile)(install, ["--no-defaults", `--datadir=${data}`, account, ...quick, ...storage]);
}

function settings(options: { data: string; certificate: Certificate; port: number; initFile: string }): string[] {
  const { cert, key } = certificateFiles(options.certificate);
  return [
    "--no-defaults",
    `--datadir=${options.data}`,
    account,
    `--port=${options.port}`,
    "--bind-address=127.0.0.1",
    `--socket=${options.data}/socket`,
    `--pid-file=${options.data}/pid`,
    `--init-file=${options.initFile}`,
    `--ssl-cert=${cert}`,
    `--ssl-key=${key}`,
    `--ssl-ca=${authorityFile}`,
    "--skip-name-resolve",
    "--max-connect-errors=1000000",
    "--innodb-flush-method=nosync",
    "--innodb-buffer-pool-size=8M",
    ...storage,
  ];
}

/** One statement a line: that is how MariaDB reads it. */
const initSql = `
create database shop;
use shop;
${shopTables}
create user '${users.tester.username}'@'%' identified by '${users.tester.password}';
create user '${users.outsider.username}'@'%' identified by '${users.outsider.password}';
create user '${users.encrypted.username}'@'%' identified by '${users.encrypted.password}' require ssl;
create user '${users.certified.username}'@'%' identified by '${users.certified.password}' require x509;
grant all on shop.* to '${users.tester.username}'@'%', '${users.encrypted.username}'@'%', '${users.certified.username}'@'%';
`;
