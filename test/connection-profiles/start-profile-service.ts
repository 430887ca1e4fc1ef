import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Client, createClient, createRouterTransport, type Interceptor } from "@connectrpc/connect";
import { pino } from "pino";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { createPageTokens } from "../../src/auth/page-token.ts";
import { principalKey } from "../../src/auth/principal.ts";
import { createKeyedMutex } from "../../src/concurrency/keyed-mutex.ts";
import { createStartRateLimiter } from "../../src/concurrency/start-rate-limiter.ts";
import { createConnectionProfile } from "../../src/connection-profiles/handlers/create-connection-profile.ts";
import { deleteConnectionProfile } from "../../src/connection-profiles/handlers/delete-connection-profile.ts";
import { discoverConnectionProfile } from "../../src/connection-profiles/handlers/discover-connection-profile.ts";
import { expungeConnectionProfile } from "../../src/connection-profiles/handlers/expunge-connection-profile.ts";
import { getConnectionProfile } from "../../src/connection-profiles/handlers/get-connection-profile.ts";
import { getConnector } from "../../src/connection-profiles/handlers/get-connector.ts";
import { listConnectionProfileRevisions } from "../../src/connection-profiles/handlers/list-connection-profile-revisions.ts";
import { listConnectionProfiles } from "../../src/connection-profiles/handlers/list-connection-profiles.ts";
import { listConnectors } from "../../src/connection-profiles/handlers/list-connectors.ts";
import { rollbackConnectionProfile } from "../../src/connection-profiles/handlers/rollback-connection-profile.ts";
import { streamConnectionProfileTest } from "../../src/connection-profiles/handlers/stream-connection-profile-test.ts";
import { testConnectionProfile } from "../../src/connection-profiles/handlers/test-connection-profile.ts";
import { undeleteConnectionProfile } from "../../src/connection-profiles/handlers/undelete-connection-profile.ts";
import { updateConnectionProfile } from "../../src/connection-profiles/handlers/update-connection-profile.ts";
import { limitTests, type TestLimits } from "../../src/connection-profiles/live-test/limit-tests.ts";
import { createLiveTestRunner } from "../../src/connection-profiles/live-test/run-live-test.ts";
import { createTestTargetReader } from "../../src/connection-profiles/live-test/test-target.ts";
import { createProfileRepository } from "../../src/connection-profiles/store/profile-repository.ts";
import { createRequestDigest } from "../../src/connection-profiles/store/request-digest.ts";
import { type ConnectorRegistry, connectors } from "../../src/connectors/registry.ts";
import { mapErrors } from "../../src/interceptors/map-errors.ts";
import { requestId } from "../../src/interceptors/request-id.ts";
import { trace } from "../../src/interceptors/trace.ts";
import { createMessageCheck, validate } from "../../src/interceptors/validate.ts";
import { fixedKeyRing, type KeyRing } from "../../src/secrets/keys/key-ring.ts";
import { createEnvReferenceResolver } from "../../src/secrets/references/env-references.ts";
import { openSecretStore } from "../../src/secrets/secret-store.ts";
import { createWorkerPool, type WorkerPool, type WorkerPoolOptions } from "../../src/test-workers/worker-pool.ts";
import { createTestDatabase } from "../support/postgres.ts";

export type ProfileClient = Client<typeof ConnectionProfileService>;

/** Fixed keys by name, 32 bytes each; the first is current. */
export function secretKeys(...names: [string, ...string[]]): KeyRing {
  const [first, ...rest] = names.map((id) => ({ id, key: new Uint8Array(Buffer.alloc(32, id)) }));
  if (first === undefined) throw new Error("a key ring has a key");
  return fixedKeyRing([first, ...rest]);
}

export interface ServiceOptions {
  readonly registry?: ConnectorRegistry;
  readonly keys?: KeyRing;
  readonly limits?: TestLimits;
  /** Of a test, in milliseconds; absent: one that does not come. */
  readonly deadlineMs?: number;
  /** What the caller may do; the handlers ask for `profiles.test` and `profiles.rebind`. */
  readonly permissions?: readonly string[];
  /** What `{{ NAME }}` stands for. */
  readonly environment?: ReadonlyMap<string, string>;
  readonly runTest?: WorkerPool["run"];
}

/** Test threads that may dial this machine. */
export function localTestThreads(options: Partial<WorkerPoolOptions> = {}) {
  const egress = { allow: [], deny: [], allowLoopback: true };
  const cacheDir = join(import.meta.dirname, "../../.cache/compiled");
  return createWorkerPool({ egress, cacheDir, log: pino({ level: "silent" }), maxThreads: 50, ...options });
}

const log = pino({ level: process.env.LOG_LEVEL ?? "silent" });
const allPermissions = ["profiles.read", "profiles.write", "profiles.test", "profiles.rebind", "profiles.expunge"];
const checkMessage = createMessageCheck();

/** The handlers behind the interceptors that they count on, on a database of their own. */
export async function startProfileService(defaults: ServiceOptions = {}) {
  const database = await createTestDatabase();
  const { knex } = database;
  let writes = 0;
  const onCommit = () => {
    writes += 1;
  };
  const pageTokens = createPageTokens(randomBytes(32));
  const threads = localTestThreads();
  const repositoryWith = (keys: KeyRing) => {
    const secretStore = openSecretStore({ knex, keys, log });
    return {
      secretStore,
      profiles: createProfileRepository({ knex, secretStore, digest: createRequestDigest(keys), onCommit }),
    };
  };
  /** A client of a user of an organization; other options make another server on the same database. */
  const clientOf = (organizationId: string, userId = "alice", options: ServiceOptions = {}): ProfileClient => {
    const { registry = connectors, keys = secretKeys("k1"), limits, ...more } = { ...defaults, ...options };
    const { permissions = allPermissions, environment = new Map<string, string>(), runTest = threads.run } = more;
    const { deadlineMs = 600_000 } = more;
    const rules = { checkMessage, substitution: createEnvReferenceResolver(environment) };
    const base = { ...repositoryWith(keys), registry, rules, pageTokens };
    const runLiveTest = createLiveTestRunner({
      takeTestSlots: limitTests(limits),
      waitForStart: createStartRateLimiter(),
      recordTestRun: base.profiles.recordTestRun,
      runTest,
      log,
      deadlineMs,
    });
    const deps = {
      ...base,
      runLiveTest,
      resolveTestTarget: createTestTargetReader(base),
      withLock: createKeyedMutex(),
    };
    const asUser: Interceptor = (next) => (request) => {
      const expiresAt = Number.POSITIVE_INFINITY;
      const caller = { organizationId, userId, permissions: new Set(permissions), expiresAt, sessionId: "" };
      request.contextValues.set(principalKey, caller);
      return next(request);
    };
    const check = validate(ConnectionProfileService.methods, checkMessage);
    const interceptors = [requestId, trace(undefined), mapErrors(log), asUser, check];
    const transport = createRouterTransport(
      ({ service }) =>
        service(ConnectionProfileService, {
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
        }),
      { router: { interceptors } },
    );
    return createClient(ConnectionProfileService, transport);
  };
  const drop = async () => {
    await threads.close();
    await database.drop();
  };
  return { ...database, ...repositoryWith(defaults.keys ?? secretKeys("k1")), clientOf, drop, writes: () => writes };
}
