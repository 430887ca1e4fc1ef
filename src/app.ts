import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Meter } from "@opentelemetry/api";
import type { Knex } from "knex";
import type { Logger } from "pino";
import { ConnectionProfileService } from "../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../gen/connectory/v1/connection_service_pb.js";
import packageJson from "../package.json" with { type: "json" };
import { announceRoles } from "./auth/announce-roles.ts";
import {
  type LocalIssuer,
  localAlgorithm,
  localAudience,
  localClaims,
  localIssuer,
  openLocalIssuer,
} from "./auth/local-issuer.ts";
import { openIssuerKeys } from "./auth/open-issuer-keys.ts";
import { createReportClaim } from "./auth/report-claims.ts";
import { asymmetricAlgorithms, createTokenVerifier, type VerifyToken } from "./auth/verify-token.ts";
import type { Config } from "./config.ts";
import { connectorUnknown } from "./connection-profile/choose-connector.ts";
import { eraseExpunged } from "./connection-profile/erase-events.ts";
import { readDestination } from "./connection-profile/read-destination.ts";
import { connectors } from "./connectors/index.ts";
import { openTestLobby } from "./connectors/open-test-lobby.ts";
import type { TestThreads } from "./connectors/open-test-threads.ts";
import { createRoutes } from "./create-routes.ts";
import { limitSilence } from "./database/limit-silence.ts";
import { observePool } from "./database/observe-pool.ts";
import { openKnex } from "./database/open-knex.ts";
import { ownTargets } from "./egress/own-targets.ts";
import { isLoopback } from "./environment-reader.ts";
import { createKafkaSink } from "./events/kafka-sink.ts";
import { observeSink } from "./events/observe-sink.ts";
import { startRelay } from "./events/relay.ts";
import { createCallGate } from "./interceptors/call-gate.ts";
import { createInterceptors } from "./interceptors/index.ts";
import { createLoadShedder } from "./interceptors/load-shedder.ts";
import { createMessageCheck } from "./interceptors/validate.ts";
import { migrateDatabase, openDatabase } from "./open-database.ts";
import { checkKeys, checkKeysBeforeMigration } from "./secrets/check-keys.ts";
import { fixedKeyRing, type KeyRing } from "./secrets/key-ring.ts";
import { openLocalKeyRing } from "./secrets/open-local-key-ring.ts";
import { openVault, type SecretVault } from "./secrets/open-vault.ts";
import { observeLostLines } from "./telemetry/observe-lost-lines.ts";
import { openTelemetry } from "./telemetry/open-telemetry.ts";
import { serveMetrics } from "./telemetry/serve-metrics.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import { serveGrpc } from "./transport/grpc.ts";
import { type Facade, serveHttp } from "./transport/http.ts";
import { serveMcp } from "./transport/mcp/serve-mcp.ts";
import { serveDocs } from "./transport/openapi/serve-docs.ts";
import { serveOpenapi } from "./transport/openapi/serve-openapi.ts";
import { readTls } from "./transport/read-tls.ts";
import { serveRest } from "./transport/rest/serve-rest.ts";
import { watchHealth } from "./transport/watch-health.ts";

/** How long running calls may take to end once a stop has begun, and their answers to be sent, in milliseconds. */
const drainTimeoutMs = 10_000;
const flushMs = 250;

const { name, version } = packageJson;
const service = { name, version };
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

/**
 * Starts everything, or throws with nothing left running. `onDeath` is called when a part dies that all depends on;
 * `lostLines` is how many lines of the log could not be written.
 */
export async function startApp(
  config: Config,
  log: Logger,
  onDeath: (why: string) => void,
  lostLines: () => number = () => 0,
): Promise<App> {
  const closers: Closer[] = [];
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= closeAll(closers, log);
    return stopped;
  };
  try {
    // What is damaged is found before anything is begun; a key ring that has no file yet gets it when it may.
    const keys = await openKeys(config);
    const issuer = config.issuer === undefined ? await openLocalIssuer(config.dataDir) : undefined;
    const target = await openDatabase(config, log, closers, onDeath);
    const silence = limitSilence();
    const knex = openKnex(target, config.databasePoolMax, log, silence);
    closers.push(() => knex.destroy());
    await checkKeysBeforeMigration({ knex, keys });
    await migrateDatabase(target, log);
    const telemetry = await openTelemetry({ ...config.telemetry, ...service, log });
    closers.push(() => telemetry.stop());
    observeLostLines(telemetry.meter, lostLines);
    observePool(knex, config.databasePoolMax, telemetry.meter);
    // Says within this process that an event was committed, so that readers of the log need not wait for their next poll.
    const commits = new EventEmitter<{ commit: [] }>();
    startEvents(config, { knex, log, telemetry }, closers, commits);
    const threads = openThreads(config, log);
    closers.push(() => threads.close());
    const vault = await openSecrets(keys, knex, log);
    const gate = createCallGate();
    const shedder = createLoadShedder({ log, meter: telemetry.meter });
    const checkMessage = createMessageCheck();
    const { maxMessageBytes, corsOrigins, connectionLimits } = config;
    const passage = {
      log,
      telemetry,
      gate,
      shedder,
      services,
      checkMessage,
      maxMessageBytes,
      verifyToken: createVerifier(config, issuer, { log, meter: telemetry.meter }),
    };
    const { call: interceptors, admission, access, report } = createInterceptors(passage);
    const runTest = threads.run;
    const stopping = new AbortController();
    const routes = await createRoutes(config, {
      knex,
      keys,
      vault,
      checkMessage,
      runTest,
      log,
      telemetry,
      commits,
      queueWaited: shedder.queueWaited,
      stopping: stopping.signal,
    });
    const tls = config.tls === undefined ? undefined : await readTls(config.tls);
    const health = watchHealth({ knex, log });
    closers.push(async () => health.stop());
    const door = { routes, interceptors, report, maxMessageBytes, tls, connectionLimits, shedder };
    const grpc = await serveGrpc({
      ...door,
      ...config.grpcAddress,
      admission,
      access,
      httpPort: config.httpAddress.port,
    });
    closers.push(() => grpc.stop(flushMs));
    const { verifyToken } = passage;
    const issuedBy = config.issuer?.issuer;
    const facades: Facade[] = [
      serveMetrics({ ...telemetry, token: config.metricsToken, local: isLoopback(config.httpAddress.host) }),
      serveRest({
        ...door,
        admission,
        log,
        appVersion: packageJson.version,
        refuseMember: (_config, name) => connectorUnknown(connectors, name),
      }),
      serveOpenapi(),
      serveDocs(),
      serveMcp({
        routes,
        interceptors,
        verifyToken,
        checkLoad: shedder.check,
        issuer: issuedBy,
        corsOrigins,
        version: packageJson.version,
        log,
      }),
    ];
    const http = await serveHttp({
      ...door,
      ...config.httpAddress,
      admission,
      corsOrigins,
      facades,
      checkHealth: health.check,
      log,
    });
    closers.push(() => http.stop(flushMs));
    closers.push(() => gate.close(drainTimeoutMs));
    closers.push(async () => stopping.abort()); // streams that never end by themselves
    health.onChange((serving) => grpc.setServing(serving));
    closers.push(async () => grpc.setServing(false));
    closers.push(async () => health.stop()); // first of all: a look that ends later would call it ready again
    closers.push(async () => silence.change(drainTimeoutMs)); // what nobody answers by then would hold the stop up
    return { grpcPort: grpc.port, httpPort: http.port, localIssuer: issuer, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function openKeys({ secretKeys, dataDir }: Config): Promise<KeyRing> {
  return secretKeys === undefined ? openLocalKeyRing(dataDir) : Promise.resolve(fixedKeyRing(secretKeys));
}

/** The vault behind the keys. Throws when a key that stored secrets need is missing or is another one. */
async function openSecrets(keys: KeyRing, knex: Knex, log: Logger): Promise<SecretVault> {
  await checkKeys({ knex, keys });
  const vault = openVault({ knex, keys, log });
  await vault.upgrade((trx, organizationId, id) => readDestination(trx, connectors, organizationId, id));
  await eraseExpunged(knex, log);
  return vault;
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
    targetLimits: { total: tests.perAddress, perOrganization: tests.perTarget },
  });
}

/** Publishes the event log when there is a Kafka to publish to. */
function startEvents(
  { kafka, kafkaTopicPrefix }: Config,
  parts: { knex: Knex; log: Logger; telemetry: Telemetry },
  closers: Closer[],
  commits: EventEmitter<{ commit: [] }>,
): void {
  if (kafka === undefined) return;
  const holder = `${hostname()}-${randomUUID()}`;
  const sink = observeSink(createKafkaSink({ ...kafka, clientId: "connectory" }, parts.log), parts.telemetry);
  closers.push(() => sink.close());
  const relay = startRelay({ ...parts, sink, topicPrefix: kafkaTopicPrefix, holder });
  closers.push(() => relay.stop());
  commits.on("commit", relay.onCommit);
}

function createVerifier(
  { issuer }: Config,
  local: LocalIssuer | undefined,
  parts: { log: Logger; meter: Meter },
): VerifyToken {
  if (issuer !== undefined) {
    announceRoles(issuer, parts.log);
    const names = { organization: issuer.organizationClaim.name, roles: issuer.rolesClaim.name };
    return createTokenVerifier({
      ...issuer,
      defaultRole: issuer.defaultRole === "none" ? undefined : issuer.defaultRole,
      algorithms: asymmetricAlgorithms,
      key: openIssuerKeys({ ...parts, url: issuer.jwksUrl }),
      reportClaim: createReportClaim({ ...parts, names }),
    });
  }
  if (local === undefined) throw new Error("no issuer");
  return createTokenVerifier({
    key: local.verificationKey,
    algorithms: [localAlgorithm],
    issuer: localIssuer,
    audience: localAudience,
    organizationClaim: { name: localClaims.organization, segments: undefined },
    rolesClaim: { name: localClaims.roles, segments: undefined },
    defaultRole: "member",
  });
}

async function closeAll(closers: readonly Closer[], log: Logger): Promise<void> {
  for (const close of closers.toReversed())
    await close().catch((err: unknown) => log.error({ err }, "something did not close in order"));
}
