import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { createRemoteJWKSet } from "jose";
import type { Knex } from "knex";
import type { Logger } from "pino";
import { ConnectionProfileService } from "../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../gen/connectory/v1/connection_service_pb.js";
import {
  type LocalIssuer,
  localAlgorithm,
  localAudience,
  localClaims,
  localIssuer,
  openLocalIssuer,
} from "./auth/local-issuer.ts";
import { asymmetricAlgorithms, createTokenVerifier, type VerifyToken } from "./auth/verify-token.ts";
import type { Config } from "./config.ts";
import { readDestination } from "./connection-profile/read-destination.ts";
import { connectors } from "./connectors/index.ts";
import { openTestLobby } from "./connectors/open-test-lobby.ts";
import type { TestThreads } from "./connectors/open-test-threads.ts";
import { createRoutes } from "./create-routes.ts";
import { lockDataDir } from "./database/lock-data-dir.ts";
import { migrate } from "./database/migrate.ts";
import { type DatabaseTarget, openKnex } from "./database/open-knex.ts";
import { startEmbeddedPostgres } from "./database/start-embedded-postgres.ts";
import { ownTargets } from "./egress/own-targets.ts";
import { isLoopback } from "./environment-reader.ts";
import { createKafkaSink } from "./events/kafka-sink.ts";
import { startRelay } from "./events/relay.ts";
import { createCallGate } from "./interceptors/call-gate.ts";
import { createAdmissionInterceptors, createInterceptors } from "./interceptors/index.ts";
import { createMessageCheck } from "./interceptors/validate.ts";
import { checkKeys } from "./secrets/check-keys.ts";
import { fixedKeyRing, type KeyRing } from "./secrets/key-ring.ts";
import { openLocalKeyRing } from "./secrets/open-local-key-ring.ts";
import { openVault, type SecretVault } from "./secrets/open-vault.ts";
import { serveGrpc } from "./transport/grpc.ts";
import { type Facade, serveHttp } from "./transport/http.ts";
import { readTls } from "./transport/read-tls.ts";
import { watchHealth } from "./transport/watch-health.ts";

/** How long running calls may take to end once a stop has begun, and their answers to be sent, in milliseconds. */
const graceMs = 10_000;
const flushMs = 250;

const services = [ConnectionService, ConnectionProfileService];

/** Ends something that was opened. */
type Closer = () => Promise<void>;

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
  const closers: Closer[] = [];
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

    const wake = startEvents(config, knex, log, closers);
    const threads = openThreads(config, log);
    closers.push(() => threads.close());
    const { keys, vault } = await openSecrets(config, knex, log);
    const issuer = config.issuer === undefined ? await openLocalIssuer(config.dataDir) : undefined;
    const gate = createCallGate();
    const checkMessage = createMessageCheck();
    const passage = { log, gate, services, checkMessage, verifyToken: createVerifier(config, issuer) };
    const interceptors = createInterceptors(passage);
    const admission = createAdmissionInterceptors(passage);
    const runTest = threads.run;
    const routes = await createRoutes(config, { knex, keys, vault, checkMessage, runTest, log, wake });

    const tls = config.tls === undefined ? undefined : await readTls(config.tls);
    const health = watchHealth({ knex, log });
    closers.push(async () => health.stop());
    const { maxMessageBytes, corsOrigins } = config;
    const door = { routes, interceptors, maxMessageBytes, tls };
    const grpc = await serveGrpc({ ...door, ...config.grpcAddress });
    closers.push(() => grpc.stop(flushMs));
    const isReady = () => health.check();
    const facades: Facade[] = [];
    const http = await serveHttp({ ...door, ...config.httpAddress, admission, corsOrigins, facades, isReady });
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

/** The keys and the vault behind them. Throws when a key that stored secrets need is missing or is another one. */
async function openSecrets(
  { secretKeys, dataDir }: Config,
  knex: Knex,
  log: Logger,
): Promise<{ keys: KeyRing; vault: SecretVault }> {
  const keys = secretKeys === undefined ? await openLocalKeyRing(dataDir) : fixedKeyRing(secretKeys);
  await checkKeys({ knex, keys });
  const vault = openVault({ knex, keys, log });
  await vault.upgrade((trx, organizationId, id) => readDestination(trx, connectors, organizationId, id));
  return { keys, vault };
}

/** Threads for live tests. Nobody's test may reach what this service itself depends on. */
function openThreads(
  { egress, grpcAddress, httpAddress, databaseUrl, kafka, dataDir, tests }: Config,
  log: Logger,
): TestThreads {
  const allowLoopback = isLoopback(grpcAddress.host) && isLoopback(httpAddress.host);
  const protectedTargets = ownTargets(databaseUrl, kafka?.brokers ?? []);
  return openTestLobby({
    egress: { ...egress, allowLoopback, protectedTargets },
    cacheDir: join(dataDir, "compiled"),
    log,
    maxThreads: tests.total,
  });
}

/** Publishes the event log when there is a Kafka to publish to. Answers with how to say that there are new events. */
function startEvents({ kafka, kafkaTopicPrefix }: Config, knex: Knex, log: Logger, closers: Closer[]): () => void {
  if (kafka === undefined) return () => {};
  const holder = `${hostname()}-${randomUUID()}`;
  const sink = createKafkaSink({ ...kafka, clientId: "connectory" }, log);
  closers.push(() => sink.close());
  const relay = startRelay({ knex, sink, log, topicPrefix: kafkaTopicPrefix, holder });
  closers.push(() => relay.stop());
  return relay.wake;
}

async function openDatabase(
  { databaseUrl, dataDir }: Config,
  log: Logger,
  closers: Closer[],
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
  if (issuer !== undefined)
    return createTokenVerifier({
      ...issuer,
      algorithms: asymmetricAlgorithms,
      key: createRemoteJWKSet(issuer.jwksUrl),
    });
  if (local === undefined) throw new Error("no issuer");
  return createTokenVerifier({
    key: local.verificationKey,
    algorithms: [localAlgorithm],
    issuer: localIssuer,
    audience: localAudience,
    organizationClaim: localClaims.organization,
    rolesClaim: localClaims.roles,
  });
}

async function closeAll(closers: readonly Closer[], log: Logger): Promise<void> {
  for (const close of closers.toReversed())
    await close().catch((err: unknown) => log.error({ err }, "something did not close in order"));
}
