import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Knex } from "knex";
import { type Logger, pino } from "pino";
import { type App, startApp } from "../../src/app/app.ts";
import { parseConfig } from "../../src/app/parse-config.ts";
import { type DatabaseAddress, type DatabaseTarget, openKnex } from "../../src/database/open-knex.ts";
import { createTestDatabase } from "./postgres.ts";

/** A whole service in this process, on a database of its own and ports of the system's choice. */
export interface TestApp {
  readonly app: App;
  readonly knex: Knex;
  /** `127.0.0.1:port` of the gRPC server. */
  readonly grpcAddress: string;
  /** `http://127.0.0.1:port` of the HTTP server. */
  readonly httpUrl: string;
  /** A token of the local issuer; user `alice` of organization `acme`, role `admin`, unless told otherwise. */
  token(who?: { user?: string; org?: string; roles?: readonly string[] }): Promise<string>;
  /** Every line that was logged so far. */
  readonly logged: readonly string[];
  /** Cuts every connection to the database and lets no new one in, until it is mended. */
  breakDatabase(): Promise<void>;
  mendDatabase(): Promise<void>;
  stop(): Promise<void>;
}

export async function startTestApp(environment: Record<string, string> = {}): Promise<TestApp> {
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), "connectory-app-"));
  const logged: string[] = [];
  const config = parseConfig({
    GRPC_ADDR: "127.0.0.1:0",
    HTTP_ADDR: "127.0.0.1:0",
    DATA_DIR: dataDir,
    DATABASE_URL: toUrl(database.target),
    // As long as it may be: a deadline that is not what is tested does not come.
    TEST_TIMEOUT_MS: "60000",
    SECRET_KEYS: `test:${Buffer.alloc(32, 7).toString("base64")}`,
    ...environment,
  });
  const log: Logger = pino({ level: config.logLevel }, { write: (line: string) => void logged.push(line) });
  const app = await startApp(config, log, (why) => logged.push(why));
  return {
    app,
    knex: database.knex,
    grpcAddress: `127.0.0.1:${app.grpcPort}`,
    httpUrl: `http://127.0.0.1:${app.httpPort}`,
    logged,
    token: async ({ user = "alice", org = "acme", roles = ["admin"] } = {}) => {
      if (app.localIssuer === undefined) throw new Error("this app has an external issuer");
      return app.localIssuer.issue({ userId: user, organizationId: org, roles, lifetime: "1h" });
    },
    breakDatabase: () => setOpen(database.target, false),
    mendDatabase: () => setOpen(database.target, true),
    stop: async () => {
      await app.stop();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** A database reached over a unix socket as a URL. */
export function toUrl(target: DatabaseTarget): string {
  if ("url" in target) return target.url;
  const { host, port, user, password, database } = target;
  return `postgresql://${user}:${encodeURIComponent(password)}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`;
}

async function setOpen(target: DatabaseAddress, open: boolean): Promise<void> {
  const knex = openKnex({ ...target, database: "postgres" }, 1);
  await knex.raw(`alter database ?? with allow_connections ${open}`, [target.database]);
  if (!open)
    await knex.raw("select pg_terminate_backend(pid) from pg_stat_activity where datname = ?", [target.database]);
  await knex.destroy();
}
