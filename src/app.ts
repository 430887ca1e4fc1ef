import { hkdfSync, randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { createRemoteJWKSet } from "jose";
import type { Logger } from "pino";
import { ConnectionService } from "../gen/connectory/v1/connection_service_pb.js";
import { type LocalIssuer, localAudience, localClaims, localIssuer, openLocalIssuer } from "./auth/local-issuer.ts";
import { createPageTokens } from "./auth/page-token.ts";
import { createTokenVerifier, type VerifyToken } from "./auth/verify-token.ts";
import type { Config, SecretKey } from "./config.ts";
import { createConnectionRepository } from "./connection/connection-repository.ts";
import { createConnection } from "./connection/create-connection.ts";
import { deleteConnection } from "./connection/delete-connection.ts";
import { getConnection } from "./connection/get-connection.ts";
import { listConnections } from "./connection/list-connections.ts";
import { lockDataDir } from "./database/lock-data-dir.ts";
import { migrate } from "./database/migrate.ts";
import { type DatabaseTarget, openKnex } from "./database/open-knex.ts";
import { startEmbeddedPostgres } from "./database/start-embedded-postgres.ts";
import { createCallGate } from "./interceptors/call-gate.ts";
import { createInterceptors } from "./interceptors/index.ts";
import { readOrMakePrivateFile } from "./private-file.ts";
import { serveGrpc } from "./transport/grpc.ts";
import { serveHttp } from "./transport/http.ts";
import { readTls } from "./transport/read-tls.ts";
import { routesOf } from "./transport/routes.ts";
import { watchHealth } from "./transport/watch-health.ts";

/** How long running calls may take to end once a stop has begun, and their answers to be sent, in milliseconds. */
const graceMs = 10_000;
const flushMs = 250;

/** A running service. */
export interface App {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Undefined when tokens come from an external issuer. */
  readonly localIssuer: LocalIssuer | undefined;
  /** Ends everything in the reverse order of its start. Never rejects; what fails is logged. */
  stop(): Promise<void>;
}

/** Starts everything, or throws with nothing left running. `onDeath` is called when a part dies that all depends on. */
export async function startApp(config: Config, log: Logger, onDeath: (why: string) => void): Promise<App> {
  const closers: (() => Promise<void>)[] = [];
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= closeAll(closers, log);
    return stopped;
  };
  try {
    const target = await openDatabase(config, log, closers, onDeath);
    const knex = openKnex(target, config.databasePoolMax, log);
    closers.push(() => knex.destroy());
    await migrate(knex);

    const keys = config.secretKeys ?? [await openLocalSecretKey(config.dataDir)];
    const pageTokens = createPageTokens(
      new Uint8Array(hkdfSync("sha256", keys[0].key, "", "connectory page tokens", 32)),
    );
    const issuer = config.issuer === undefined ? await openLocalIssuer(config.dataDir) : undefined;
    const gate = createCallGate();
    const interceptors = createInterceptors({ log, gate, verifyToken: createVerifier(config, issuer) });

    const connections = createConnectionRepository(knex, () => {});
    const routes = [
      ...routesOf(ConnectionService, {
        createConnection: createConnection({ connections, createPolicy: config.createPolicy }),
        getConnection: getConnection({ connections }),
        listConnections: listConnections({ connections, pageTokens }),
        deleteConnection: deleteConnection({ connections }),
      }),
    ];

    const tls = config.tls === undefined ? undefined : await readTls(config.tls);
    const health = watchHealth({ knex, log });
    closers.push(async () => health.stop());
    const { maxMessageBytes, corsOrigins } = config;
    const door = { routes, interceptors, maxMessageBytes, tls };
    const grpc = await serveGrpc({ ...door, ...config.grpcAddress });
    closers.push(() => grpc.stop(flushMs));
    const http = await serveHttp({ ...door, ...config.httpAddress, corsOrigins, isReady: () => health.check() });
    closers.push(() => http.stop(flushMs));
    closers.push(() => gate.close(graceMs));
    health.onChange((serving) => grpc.setServing(serving));
    closers.push(async () => grpc.setServing(false));
    return { grpcPort: grpc.port, httpPort: http.port, localIssuer: issuer, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function openDatabase(
  { databaseUrl, dataDir }: Config,
  log: Logger,
  closers: (() => Promise<void>)[],
  onDeath: (why: string) => void,
): Promise<DatabaseTarget> {
  if (databaseUrl !== undefined) return { url: databaseUrl };
  closers.push(await lockDataDir(dataDir));
  const postgres = await startEmbeddedPostgres({
    dataDir,
    log,
    onExit: () => onDeath("the embedded database has died"),
  });
  closers.push(() => postgres.stop());
  return postgres.target;
}

function createVerifier({ issuer }: Config, local: LocalIssuer | undefined): VerifyToken {
  if (issuer !== undefined) return createTokenVerifier({ ...issuer, key: createRemoteJWKSet(issuer.jwksUrl) });
  if (local === undefined) throw new Error("no issuer");
  return createTokenVerifier({
    key: local.verificationKey,
    issuer: localIssuer,
    audience: localAudience,
    organizationClaim: localClaims.organization,
    rolesClaim: localClaims.roles,
  });
}

async function openLocalSecretKey(dataDir: string): Promise<SecretKey> {
  const make = async () =>
    JSON.stringify({ id: `local-${randomUUID().slice(0, 8)}`, key: randomBytes(32).toString("base64") });
  const { id, key } = JSON.parse(await readOrMakePrivateFile(join(dataDir, "secret-key.json"), make)) as {
    id: string;
    key: string;
  };
  return { id, key: Buffer.from(key, "base64") };
}

async function closeAll(closers: readonly (() => Promise<void>)[], log: Logger): Promise<void> {
  for (const close of closers.toReversed())
    await close().catch((err: unknown) => log.error({ err }, "something did not close in order"));
}
