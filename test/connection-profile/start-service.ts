import { randomBytes } from "node:crypto";
import { type Client, createClient, createRouterTransport, type Interceptor } from "@connectrpc/connect";
import { pino } from "pino";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { createPageTokens } from "../../src/auth/page-token.ts";
import { principalKey } from "../../src/auth/principal.ts";
import { createConnectionProfile } from "../../src/connection-profile/create-connection-profile.ts";
import { createTestSlots, type TestLimits } from "../../src/connection-profile/create-test-slots.ts";
import { deleteConnectionProfile } from "../../src/connection-profile/delete-connection-profile.ts";
import { getConnectionProfile } from "../../src/connection-profile/get-connection-profile.ts";
import { getConnector } from "../../src/connection-profile/get-connector.ts";
import { listConnectionProfiles } from "../../src/connection-profile/list-connection-profiles.ts";
import { listConnectors } from "../../src/connection-profile/list-connectors.ts";
import { createProfileRepository } from "../../src/connection-profile/profile-repository.ts";
import type { SecretKeys } from "../../src/connection-profile/seal-secret.ts";
import { testConnectionProfile } from "../../src/connection-profile/test-connection-profile.ts";
import { type ConnectorRegistry, connectors } from "../../src/connectors/index.ts";
import { openTestThreads, type TestThreadsOptions } from "../../src/connectors/open-test-threads.ts";
import { mapErrors } from "../../src/interceptors/map-errors.ts";
import { requestId } from "../../src/interceptors/request-id.ts";
import { validate } from "../../src/interceptors/validate.ts";
import { createTestDatabase } from "../support/postgres.ts";

export type ProfileClient = Client<typeof ConnectionProfileService>;

/** Fixed keys by name, 32 bytes each; the first is current. */
export function secretKeys(...names: [string, ...string[]]): SecretKeys {
  const all = new Map(names.map((name) => [name, new Uint8Array(Buffer.alloc(32, name))]));
  return { current: { id: names[0], key: all.get(names[0]) ?? new Uint8Array() }, all };
}

export interface ServiceOptions {
  readonly registry?: ConnectorRegistry;
  readonly keys?: SecretKeys;
  readonly limits?: TestLimits;
  readonly deadlineMs?: number;
}

/** Test threads that may dial this machine. */
export function localTestThreads(options: Partial<TestThreadsOptions> = {}) {
  const egress = { allow: [], deny: [], allowLoopback: true };
  return openTestThreads({ egress, log: pino({ level: "silent" }), maxThreads: 50, ...options });
}

/** The verbs behind the interceptors that they count on, on a database of their own. */
export async function startProfileService(defaults: ServiceOptions = {}) {
  const database = await createTestDatabase();
  let writes = 0;
  const profiles = createProfileRepository({
    knex: database.knex,
    onWrite: () => {
      writes += 1;
    },
  });
  const pageTokens = createPageTokens(randomBytes(32));
  const threads = localTestThreads();
  /** A client of a user of an organization; other options make another server on the same database. */
  const clientOf = (organizationId: string, userId = "alice", options: ServiceOptions = {}): ProfileClient => {
    const { registry = connectors, keys = secretKeys("k1"), limits, deadlineMs } = { ...defaults, ...options };
    const deps = { registry, profiles, keys, pageTokens, runTest: threads.run, takeTestSlot: createTestSlots(limits) };
    const asUser: Interceptor = (next) => (request) => {
      request.contextValues.set(principalKey, { organizationId, userId, permissions: new Set<string>() });
      return next(request);
    };
    const interceptors = [
      requestId,
      mapErrors(pino({ level: "silent" })),
      asUser,
      validate(ConnectionProfileService.methods),
    ];
    const transport = createRouterTransport(
      ({ service }) =>
        service(ConnectionProfileService, {
          listConnectors: listConnectors(deps),
          getConnector: getConnector(deps),
          createConnectionProfile: createConnectionProfile(deps),
          getConnectionProfile: getConnectionProfile(deps),
          listConnectionProfiles: listConnectionProfiles(deps),
          deleteConnectionProfile: deleteConnectionProfile(deps),
          testConnectionProfile: testConnectionProfile({
            ...deps,
            ...(deadlineMs === undefined ? {} : { deadlineMs }),
          }),
        }),
      { router: { interceptors } },
    );
    return createClient(ConnectionProfileService, transport);
  };
  const drop = async () => {
    await threads.close();
    await database.drop();
  };
  return { ...database, profiles, clientOf, drop, writes: () => writes };
}
