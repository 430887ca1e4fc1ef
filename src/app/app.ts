import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Knex } from "knex";
import type { Logger } from "pino";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import packageJson from "../../package.json" with { type: "json" };
import { type LocalIssuer, openLocalIssuer } from "../auth/local-issuer.ts";
import { isLoopback } from "../config/env-reader.ts";
import { makeFolder } from "../config/make-folder.ts";
import { openKnex } from "../database/open-knex.ts";
import { measurePool } from "../database/pool-metrics.ts";
import { limitSocketSilence } from "../database/socket-silence-limit.ts";
import { selfTargets } from "../egress/self-targets.ts";
import { createKafkaSink } from "../events/publisher/kafka-sink.ts";
import { startOutboxRelay } from "../events/publisher/outbox-relay.ts";
import { measureSink } from "../events/publisher/sink-metrics.ts";
import { createDrain } from "../interceptors/drain.ts";
import { createInterceptors } from "../interceptors/index.ts";
import { createLoadShedder } from "../interceptors/load-shedding/load-shedder.ts";
import { createMessageCheck } from "../interceptors/validate.ts";
import { verifyKeysBeforeMigration } from "../secrets/keys/verify-keys.ts";
import { serveGrpc } from "../server/grpc/grpc-server.ts";
import { createHealthCheck } from "../server/health.ts";
import type { HttpPlugin } from "../server/http/http-plugin.ts";
import { serveHttp } from "../server/http-server.ts";
import { readTlsFiles } from "../server/listener/tls-files.ts";
import { serveMcp } from "../server/mcp/serve-mcp.ts";
import { serveDocs } from "../server/openapi/serve-docs.ts";
import { serveOpenapi } from "../server/openapi/serve-openapi.ts";
import { serveRest } from "../server/rest/serve-rest.ts";
import { measureLostLines } from "../telemetry/lost-line-metrics.ts";
import { serveMetrics } from "../telemetry/metrics-server.ts";
import { openTelemetry } from "../telemetry/open-telemetry.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { openSharedWorker } from "../test-workers/shared-worker.ts";
import type { WorkerPool } from "../test-workers/worker-pool.ts";
import type { Config } from "./config.ts";
import { createVerifier } from "./create-verifier.ts";
import { migrateDatabase, openDatabase } from "./open-database.ts";
import { openKeys, openSecrets } from "./open-secrets.ts";
import { rejections } from "./rejections.ts";
import { createRoutes } from "./routes.ts";

/** The time for running calls to end after a stop began, and for their responses to be sent, in milliseconds. */
const drainTimeoutMs = 10_000;
const flushMs = 250;

const { name, version } = packageJson;
const service = { name, version };
const services = [ConnectionService, ConnectionProfileService];

/** Closes an opened resource. */
type Closer = () => Promise<void>;

/** A running service. */
export interface App {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Undefined with an external issuer. */
  readonly localIssuer: LocalIssuer | undefined;
  /** Closes everything in the reverse order of its start. Never rejects; failures are logged. */
  stop(): Promise<void>;
}

/**
 * Starts the service. Throws with nothing left running. `onDeath` is called when a part fails that the service cannot run
 * without; `lostLines` returns the number of log lines that could not be written (default: 0).
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
    // Damaged key files are found before anything is started; a missing file of a key ring is created later.
    const keys = await openKeys(config);
    const issuer = config.issuer === undefined ? await openLocalIssuer(config.dataDir) : undefined;
    const target = await openDatabase(config, log, closers, onDeath);
    const silence = limitSocketSilence();
    const knex = openKnex(target, config.databasePoolMax, log, silence);
    closers.push(() => knex.destroy());
    await verifyKeysBeforeMigration({ knex, keys });
    await migrateDatabase(target, log);
    const telemetry = await openTelemetry({ ...config.telemetry, ...service, log });
    closers.push(() => telemetry.stop());
    measureLostLines(telemetry.meter, lostLines);
    measurePool(knex, config.databasePoolMax, telemetry.meter);
    // Signals a committed event within this process, so that readers of the log need not wait for their next poll.
    const commits = new EventEmitter<{ commit: [] }>();
    startEvents(config, { knex, log, telemetry }, closers, commits);
    const threads = await openThreads(config, log);
    closers.push(() => threads.close());
    const secretStore = await openSecrets(keys, knex, log);
    const drain = createDrain();
    const shedder = createLoadShedder({ log, meter: telemetry.meter });
    const checkMessage = createMessageCheck();
    const { maxHeaderBytes, maxMessageBytes, corsOrigins, connectionLimits } = config;
    const interceptorDeps = {
      log,
      telemetry,
      drain,
      shedder,
      services,
      checkMessage,
      maxMessageBytes,
      verifyToken: createVerifier(config, issuer, { log, meter: telemetry.meter }),
    };
    const { call: interceptors, preBody, access, observe } = createInterceptors(interceptorDeps);
    const runTest = threads.run;
    const stopping = new AbortController();
    const routes = await createRoutes(config, {
      knex,
      keys,
      secretStore,
      checkMessage,
      runTest,
      log,
      telemetry,
      commits,
      queueWaited: shedder.queueWaited,
      stopping: stopping.signal,
    });
    const tls = config.tls === undefined ? undefined : await readTlsFiles(config.tls);
    const health = createHealthCheck({ knex, log });
    closers.push(async () => health.stop());
    const { rejectMember, describeUnknownPath } = rejections(routes);
    const limits = { maxHeaderBytes, maxMessageBytes, connectionLimits };
    const serverOptions = { routes, interceptors, observe, ...limits, tls, shedder };
    const grpc = await serveGrpc({
      ...serverOptions,
      ...config.grpcAddress,
      preBody,
      access,
      httpPort: config.httpAddress.port,
    });
    closers.push(() => grpc.stop(flushMs));
    const { verifyToken } = interceptorDeps;
    const issuedBy = config.issuer?.issuer;
    const plugins: HttpPlugin[] = [
      serveMetrics({ ...telemetry, token: config.metricsToken, local: isLoopback(config.httpAddress.host) }),
      serveRest({
        ...serverOptions,
        preBody,
        log,
        appVersion: packageJson.version,
        rejectMember,
        describeUnknownPath,
      }),
      serveOpenapi(),
      serveDocs(),
      serveMcp({
        routes,
        interceptors,
        rejectMember,
        verifyToken,
        checkLoad: shedder.check,
        issuer: issuedBy,
        corsOrigins,
        version: packageJson.version,
        log,
      }),
    ];
    const http = await serveHttp({
      ...serverOptions,
      ...config.httpAddress,
      preBody,
      rejectMember,
      describeUnknownPath,
      corsOrigins,
      plugins,
      checkHealth: health.check,
      log,
    });
    closers.push(() => http.stop(flushMs));
    closers.push(() => drain.close(drainTimeoutMs));
    closers.push(async () => stopping.abort()); // streams without an end of their own
    health.onChange((serving) => grpc.setServing(serving));
    closers.push(async () => grpc.setServing(false));
    closers.push(async () => health.stop()); // before the servers: a check that ends later would set the service ready again
    closers.push(async () => silence.change(drainTimeoutMs)); // unanswered queries would otherwise delay the stop
    return { grpcPort: grpc.port, httpPort: http.port, localIssuer: issuer, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Worker threads for live tests. No test may reach the systems that this service itself depends on. */
async function openThreads(
  { egress, grpcAddress, httpAddress, databaseUrl, kafka, dataDir, tests }: Config,
  log: Logger,
): Promise<WorkerPool> {
  const allowLoopback = isLoopback(grpcAddress.host) && isLoopback(httpAddress.host);
  const protectedTargets = selfTargets(databaseUrl, kafka?.brokers ?? []);
  const cacheDir = join(dataDir, "compiled");
  const isCacheUsable = await makeFolder(cacheDir).then(
    () => true,
    () => false, // such as a read-only file system, where nothing else needs the folder: workers compile each time
  );
  return openSharedWorker({
    egress: { ...egress, allowLoopback, protectedTargets },
    cacheDir: isCacheUsable ? cacheDir : undefined,
    log,
    maxThreads: tests.total,
    targetLimits: { total: tests.perAddress, perOrganization: tests.perTarget },
  });
}

/** Publishes the event log if Kafka is configured. */
function startEvents(
  { kafka, kafkaTopicPrefix }: Config,
  parts: { knex: Knex; log: Logger; telemetry: Telemetry },
  closers: Closer[],
  commits: EventEmitter<{ commit: [] }>,
): void {
  if (kafka === undefined) return;
  const holder = `${hostname()}-${randomUUID()}`;
  const sink = measureSink(createKafkaSink({ ...kafka, clientId: "connectory" }, parts.log), parts.telemetry);
  closers.push(() => sink.close());
  const relay = startOutboxRelay({ ...parts, sink, topicPrefix: kafkaTopicPrefix, holder });
  closers.push(() => relay.stop());
  commits.on("commit", relay.onCommit);
}

async function closeAll(closers: readonly Closer[], log: Logger): Promise<void> {
  for (const close of closers.toReversed())
    await close().catch((err: unknown) => log.error({ err }, "something did not close in order"));
}
