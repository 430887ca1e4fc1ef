import type { EventEmitter } from "node:events";
import type { Knex } from "knex";
import type { Logger } from "pino";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { createPageTokens, type PageTokens } from "../auth/page-token.ts";
import { createKeyedMutex } from "../concurrency/keyed-mutex.ts";
import { createStartRateLimiter } from "../concurrency/start-rate-limiter.ts";
import type { ConfigRules } from "../connection-profiles/config/validate-config.ts";
import { createConnectionProfile } from "../connection-profiles/handlers/create-connection-profile.ts";
import { deleteConnectionProfile } from "../connection-profiles/handlers/delete-connection-profile.ts";
import { discoverConnectionProfile } from "../connection-profiles/handlers/discover-connection-profile.ts";
import { expungeConnectionProfile } from "../connection-profiles/handlers/expunge-connection-profile.ts";
import { getConnectionProfile } from "../connection-profiles/handlers/get-connection-profile.ts";
import { getConnector } from "../connection-profiles/handlers/get-connector.ts";
import { listConnectionProfileRevisions } from "../connection-profiles/handlers/list-connection-profile-revisions.ts";
import { listConnectionProfiles } from "../connection-profiles/handlers/list-connection-profiles.ts";
import { listConnectors } from "../connection-profiles/handlers/list-connectors.ts";
import { rollbackConnectionProfile } from "../connection-profiles/handlers/rollback-connection-profile.ts";
import { streamConnectionProfileTest } from "../connection-profiles/handlers/stream-connection-profile-test.ts";
import { testConnectionProfile } from "../connection-profiles/handlers/test-connection-profile.ts";
import { undeleteConnectionProfile } from "../connection-profiles/handlers/undelete-connection-profile.ts";
import { updateConnectionProfile } from "../connection-profiles/handlers/update-connection-profile.ts";
import { limitTests } from "../connection-profiles/live-test/limit-tests.ts";
import { createLiveTestRunner, type LiveTestDeps } from "../connection-profiles/live-test/run-live-test.ts";
import { createTestTargetReader } from "../connection-profiles/live-test/test-target.ts";
import { createProfileRepository, type ProfileRepository } from "../connection-profiles/store/profile-repository.ts";
import { createRequestDigest } from "../connection-profiles/store/request-digest.ts";
import { batchCheckConnections } from "../connections/handlers/batch-check-connections.ts";
import { batchCreateConnections } from "../connections/handlers/batch-create-connections.ts";
import {
  type ConnectionChangeStream,
  createConnectionChangeStream,
} from "../connections/handlers/connection-change-stream.ts";
import { countConnections } from "../connections/handlers/count-connections.ts";
import { createConnection } from "../connections/handlers/create-connection.ts";
import { deleteConnection } from "../connections/handlers/delete-connection.ts";
import { getConnection } from "../connections/handlers/get-connection.ts";
import { listConnections } from "../connections/handlers/list-connections.ts";
import { listMutualConnections } from "../connections/handlers/list-mutual-connections.ts";
import { watchConnections } from "../connections/handlers/watch-connections.ts";
import { type ConnectionRepository, createConnectionRepository } from "../connections/store/connection-repository.ts";
import { logLockHolders } from "../connections/store/log-lock-holders.ts";
import { connectors } from "../connectors/registry.ts";
import type { CheckMessage } from "../interceptors/validate.ts";
import type { KeyRing } from "../secrets/keys/key-ring.ts";
import { createEnvReferenceResolver } from "../secrets/references/env-references.ts";
import type { SecretStore } from "../secrets/secret-store.ts";
import { type Route, routesOf } from "../server/dispatch/route.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Config } from "./config.ts";

/** Dependencies that the handlers share. */
export interface RouteParts {
  readonly knex: Knex;
  readonly keys: KeyRing;
  readonly secretStore: SecretStore;
  readonly checkMessage: CheckMessage;
  readonly runTest: LiveTestDeps["runTest"];
  readonly log: Logger;
  readonly telemetry: Telemetry;
  /** Signals within this process that a transaction with an event was committed. */
  readonly commits: EventEmitter<{ commit: [] }>;
  /** Called with the time that a call waited for the database, in milliseconds. */
  readonly queueWaited: (ms: number) => void;
  /** Aborts when the server stops, and ends streams without an end of their own. */
  readonly stopping: AbortSignal;
}

/** Returns every RPC with its handler, and creates the repositories. */
export async function createRoutes(config: Config, parts: RouteParts): Promise<Route[]> {
  const { knex, keys, secretStore, checkMessage, runTest, log, telemetry, commits, queueWaited, stopping } = parts;
  const pageTokens = createPageTokens((await keys.current()).key);
  const onCommit = () => void commits.emit("commit");
  const feed = createConnectionChangeStream(knex);
  commits.on("commit", feed.onCommit);
  stopping.addEventListener("abort", feed.stop);
  return [
    ...connectionRoutes(config, {
      connections: createConnectionRepository(knex, {
        onCommit,
        telemetry,
        queueWaited,
        lockHeld: logLockHolders({ knex, log, meter: telemetry.meter }),
      }),
      pageTokens,
      checkMessage,
      feed,
    }),
    ...profileRoutes(config, {
      profiles: createProfileRepository({ knex, secretStore, digest: createRequestDigest(keys), onCommit }),
      runTest,
      rules: { checkMessage, substitution: createEnvReferenceResolver(config.secretEnvironment) },
      pageTokens,
      secretStore,
      log,
      telemetry,
    }),
  ];
}

function connectionRoutes(
  { connectionAccess: access }: Config,
  stores: {
    connections: ConnectionRepository;
    pageTokens: PageTokens;
    checkMessage: CheckMessage;
    feed: ConnectionChangeStream;
  },
): Route[] {
  const deps = { ...stores, access };
  return routesOf(ConnectionService, {
    createConnection: createConnection(deps),
    batchCreateConnections: batchCreateConnections(deps),
    getConnection: getConnection(deps),
    listConnections: listConnections(deps),
    countConnections: countConnections(deps),
    batchCheckConnections: batchCheckConnections(deps),
    listMutualConnections: listMutualConnections(deps),
    watchConnections: watchConnections(deps),
    deleteConnection: deleteConnection(deps),
  });
}

function profileRoutes(
  { tests }: Config,
  stores: {
    profiles: ProfileRepository;
    runTest: LiveTestDeps["runTest"];
    rules: ConfigRules;
    pageTokens: PageTokens;
    secretStore: SecretStore;
    log: Logger;
    telemetry: Telemetry;
  },
): Route[] {
  const base = { ...stores, registry: connectors, recordTestRun: stores.profiles.recordTestRun };
  const runLiveTest = createLiveTestRunner({
    ...base,
    takeTestSlots: limitTests(tests),
    waitForStart: createStartRateLimiter(),
    deadlineMs: tests.deadlineMs,
  });
  const deps = { ...base, runLiveTest, resolveTestTarget: createTestTargetReader(base), withLock: createKeyedMutex() };
  return routesOf(ConnectionProfileService, {
    listConnectors: listConnectors(deps),
    getConnector: getConnector(deps),
    createConnectionProfile: createConnectionProfile(deps),
    getConnectionProfile: getConnectionProfile(deps),
    listConnectionProfiles: listConnectionProfiles(deps),
    updateConnectionProfile: updateConnectionProfile(deps),
    deleteConnectionProfile: deleteConnectionProfile(deps),
    undeleteConnectionProfile: undeleteConnectionProfile(deps),
    expungeConnectionProfile: expungeConnectionProfile(deps),
    listConnectionProfileRevisions: listConnectionProfileRevisions(deps),
    rollbackConnectionProfile: rollbackConnectionProfile(deps),
    testConnectionProfile: testConnectionProfile(deps),
    streamConnectionProfileTest: streamConnectionProfileTest(deps),
    discoverConnectionProfile: discoverConnectionProfile(deps),
  });
}
