import type { EventEmitter } from "node:events";
import type { Knex } from "knex";
import type { Logger } from "pino";
import { ConnectionProfileService } from "../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../gen/connectory/v1/connection_service_pb.js";
import { createPageTokens, type PageTokens } from "./auth/page-token.ts";
import { createKeyedMutex } from "./concurrency/keyed-mutex.ts";
import type { Config } from "./config.ts";
import { batchCheckConnections } from "./connection/batch-check-connections.ts";
import { batchCreateConnections } from "./connection/batch-create-connections.ts";
import { type ConnectionFeed, createConnectionFeed } from "./connection/connection-feed.ts";
import { type ConnectionRepository, createConnectionRepository } from "./connection/connection-repository.ts";
import { countConnections } from "./connection/count-connections.ts";
import { createConnection } from "./connection/create-connection.ts";
import { deleteConnection } from "./connection/delete-connection.ts";
import { getConnection } from "./connection/get-connection.ts";
import { listConnections } from "./connection/list-connections.ts";
import { listMutualConnections } from "./connection/list-mutual-connections.ts";
import { reportLockHolders } from "./connection/report-lock-holders.ts";
import { watchConnections } from "./connection/watch-connections.ts";
import { createCandidateReader } from "./connection-profile/candidate.ts";
import type { ConfigRules } from "./connection-profile/check-config.ts";
import { createConnectionProfile } from "./connection-profile/create-connection-profile.ts";
import { createTestLine } from "./connection-profile/create-test-line.ts";
import { createTestSlots } from "./connection-profile/create-test-slots.ts";
import { deleteConnectionProfile } from "./connection-profile/delete-connection-profile.ts";
import { createRequestDigest } from "./connection-profile/digest-request.ts";
import { discoverConnectionProfile } from "./connection-profile/discover-connection-profile.ts";
import { expungeConnectionProfile } from "./connection-profile/expunge-connection-profile.ts";
import { getConnectionProfile } from "./connection-profile/get-connection-profile.ts";
import { getConnector } from "./connection-profile/get-connector.ts";
import { listConnectionProfileRevisions } from "./connection-profile/list-connection-profile-revisions.ts";
import { listConnectionProfiles } from "./connection-profile/list-connection-profiles.ts";
import { listConnectors } from "./connection-profile/list-connectors.ts";
import { createProfileRepository, type ProfileRepository } from "./connection-profile/profile-repository.ts";
import { rollbackConnectionProfile } from "./connection-profile/rollback-connection-profile.ts";
import { createRunCandidate, type RunCandidateDeps } from "./connection-profile/run-candidate.ts";
import { streamConnectionProfileTest } from "./connection-profile/stream-connection-profile-test.ts";
import { testConnectionProfile } from "./connection-profile/test-connection-profile.ts";
import { undeleteConnectionProfile } from "./connection-profile/undelete-connection-profile.ts";
import { updateConnectionProfile } from "./connection-profile/update-connection-profile.ts";
import { connectors } from "./connectors/index.ts";
import type { CheckMessage } from "./interceptors/validate.ts";
import { createSubstitution } from "./secrets/create-substitution.ts";
import type { KeyRing } from "./secrets/key-ring.ts";
import type { SecretVault } from "./secrets/open-vault.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import { type Route, routesOf } from "./transport/routes.ts";

/** What the verbs share. */
export interface RouteParts {
  readonly knex: Knex;
  readonly keys: KeyRing;
  readonly vault: SecretVault;
  readonly checkMessage: CheckMessage;
  readonly runTest: RunCandidateDeps["runTest"];
  readonly log: Logger;
  readonly telemetry: Telemetry;
  /** Says within this process that a transaction with an event was committed. */
  readonly commits: EventEmitter<{ commit: [] }>;
  /** How long something has waited for the database just now, in milliseconds. */
  readonly queueWaited: (ms: number) => void;
  /** Aborts when the server stops: streams that never end by themselves end then. */
  readonly stopping: AbortSignal;
}

/** Every RPC with what runs it: the verbs and their repositories, put together. */
export async function createRoutes(config: Config, parts: RouteParts): Promise<Route[]> {
  const { knex, keys, vault, checkMessage, runTest, log, telemetry, commits, queueWaited, stopping } = parts;
  const pageTokens = createPageTokens((await keys.current()).key);
  const onCommit = () => void commits.emit("commit");
  const feed = createConnectionFeed(knex);
  commits.on("commit", feed.onCommit);
  stopping.addEventListener("abort", feed.stop);
  return [
    ...connectionRoutes(config, {
      connections: createConnectionRepository(knex, {
        onCommit,
        telemetry,
        queueWaited,
        lockHeld: reportLockHolders({ knex, log, meter: telemetry.meter }),
      }),
      pageTokens,
      checkMessage,
      feed,
    }),
    ...profileRoutes(config, {
      profiles: createProfileRepository({ knex, vault, digest: createRequestDigest(keys), onCommit }),
      runTest,
      rules: { checkMessage, substitution: createSubstitution(config.secretEnvironment) },
      pageTokens,
      vault,
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
    feed: ConnectionFeed;
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
    runTest: RunCandidateDeps["runTest"];
    rules: ConfigRules;
    pageTokens: PageTokens;
    vault: SecretVault;
    log: Logger;
    telemetry: Telemetry;
  },
): Route[] {
  const base = { ...stores, registry: connectors, recordTry: stores.profiles.recordTry };
  const runCandidate = createRunCandidate({
    ...base,
    takeTestSlots: createTestSlots(tests),
    inLine: createTestLine(),
    deadlineMs: tests.deadlineMs,
  });
  const deps = { ...base, runCandidate, readCandidate: createCandidateReader(base), withLock: createKeyedMutex() };
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
