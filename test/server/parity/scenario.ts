import type { DescMethod, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import type { Answer, Protocol } from "./protocol.ts";

/** Tokens of one organization, and what its calls meet. */
export interface Stage {
  readonly admin: string;
  readonly member: string;
  readonly viewer: string;
  /** Of another organization. */
  readonly outsider: string;
  readonly expired: string;
  /** A PostgreSQL that answers, and a port where nothing does. */
  readonly target: {
    readonly host: string;
    readonly port: number;
    readonly username: string;
    readonly password: string;
  };
  readonly closedPort: number;
}

/** What was asked, and how it went; all of it in protobuf JSON. */
export type Transcript = JsonValue[];

const connections = ConnectionService.method;
const profiles = ConnectionProfileService.method;

/** Walks through both services by one protocol: successes, refusals, pages, streams. Every call depends on the protocol alone. */
export async function playScenario(protocol: Protocol, stage: Stage): Promise<Transcript> {
  const transcript: JsonValue[] = [];
  const ask = async (
    what: string,
    expected: string,
    method: DescMethod,
    request: JsonObject,
    token = stage.admin,
  ): Promise<JsonObject> => {
    const answer: Answer = await protocol.ask(method, request, token);
    transcript.push({ what, expected, rpc: method.name, ...answer } as unknown as JsonValue);
    return "messages" in answer ? ((answer.messages.at(-1) ?? {}) as JsonObject) : {};
  };
  const pick = (from: JsonObject, ...path: string[]) =>
    path.reduce<JsonValue>((value, name) => (value as JsonObject)[name] ?? "", from) as string;

  // Connections.
  const pair = { userId1: "alice", userId2: "bob", connectedSince: "2026-01-02T03:04:05.678Z" };
  const created = await ask("connects two users", "ok", connections.createConnection, pair);
  const id = pick(created, "connection", "id");
  await ask("connects them again", "CONNECTION_ALREADY_EXISTS", connections.createConnection, pair);
  await ask("takes the id of another", "CONNECTION_ID_TAKEN", connections.createConnection, {
    connectionId: id,
    userId1: "alice",
    userId2: "carol",
  });
  await ask("names them in the wrong order", "USER_IDS_OUT_OF_ORDER", connections.createConnection, {
    userId1: "bob",
    userId2: "alice",
  });
  await ask("names one twice", "USER_IDS_EQUAL", connections.createConnection, { userId1: "alice", userId2: "alice" });
  await ask("leaves users out", "FIELD_INVALID", connections.createConnection, {});
  await ask("gives names that are none", "FIELD_INVALID", connections.createConnection, {
    userId1: "a b",
    userId2: "ü",
    connectionId: "x",
  });
  await ask(
    "is not one of the two",
    "NOT_A_PARTICIPANT",
    connections.createConnection,
    {
      userId1: "carol",
      userId2: "dave",
    },
    stage.member,
  );
  await ask("has no token", "TOKEN_MISSING", connections.createConnection, pair, "");
  await ask("has a token that is none", "TOKEN_INVALID", connections.createConnection, pair, "e30.e30.e30");
  await ask("has a token that has expired", "TOKEN_EXPIRED", connections.createConnection, pair, stage.expired);
  await ask("may only read", "PERMISSION_MISSING", connections.createConnection, pair, stage.viewer);
  await ask("reads it by its id", "ok", connections.getConnection, { id });
  await ask("reads it by its users, in the other order", "ok", connections.getConnection, {
    userId1: "bob",
    userId2: "alice",
  });
  await ask("reads one that is not there", "CONNECTION_NOT_FOUND", connections.getConnection, {
    id: "01900000-0000-7000-8000-000000000000",
  });
  await ask(
    "reads that of another organization",
    "CONNECTION_NOT_FOUND",
    connections.getConnection,
    { id },
    stage.outsider,
  );
  for (const other of ["carol", "dave", "erin"])
    await ask("connects one more", "ok", connections.createConnection, {
      userId1: "alice",
      userId2: other,
      connectedSince: "2026-01-02T03:04:05Z",
    });
  let token = "";
  let pages = 0;
  do {
    const page = await ask("reads a page", "ok", connections.listConnections, {
      userId: "alice",
      pageSize: 3,
      ...(token === "" ? {} : { pageToken: token }),
    });
    token = pick(page, "nextPageToken");
    if (pages === 0)
      await ask("takes the token elsewhere", "PAGE_TOKEN_INVALID", connections.listConnections, {
        userId: "bob",
        pageToken: token,
      });
  } while (token !== "" && ++pages < 5);
  await ask("deletes it", "ok", connections.deleteConnection, { id });
  await ask("deletes it again", "CONNECTION_NOT_FOUND", connections.deleteConnection, { id });
  await ask("reads what was deleted", "ok", connections.getConnection, { id });

  // Profiles.
  await ask("lists the connectors", "ok", profiles.listConnectors, {});
  await ask("reads a connector", "ok", profiles.getConnector, { id: "kafka" });
  await ask("reads a connector that is none", "CONNECTOR_NOT_FOUND", profiles.getConnector, { id: "kafak" });
  const kafka = { kafka: { bootstrapServers: "broker1:9092,broker2:9092" } };
  const requestId = "7f1f3c1e-3c3f-4a57-9d0c-0d6a51a0b001";
  const first = await ask("keeps a profile", "ok", profiles.createConnectionProfile, {
    name: "my-kafka-cluster",
    connector: "kafka",
    config: kafka,
    labels: { team: "data" },
    requestId,
  });
  const profile = pick(first, "connectionProfile", "id");
  await ask("repeats the call", "ok", profiles.createConnectionProfile, {
    name: "my-kafka-cluster",
    connector: "kafka",
    config: kafka,
    labels: { team: "data" },
    requestId,
  });
  await ask("uses its request id for another", "REQUEST_ID_REUSED", profiles.createConnectionProfile, {
    name: "other",
    config: kafka,
    requestId,
  });
  await ask("takes its name", "PROFILE_NAME_TAKEN", profiles.createConnectionProfile, {
    name: "my-kafka-cluster",
    config: kafka,
  });
  await ask("names a connector that is none", "CONNECTOR_UNKNOWN", profiles.createConnectionProfile, {
    name: "x",
    connector: "kafak",
    config: kafka,
  });
  await ask("names a connector without profiles", "CONNECTOR_WITHOUT_PROFILE", profiles.createConnectionProfile, {
    name: "x",
    connector: "blackhole",
    config: kafka,
  });
  await ask("contradicts itself", "CONNECTOR_MISMATCH", profiles.createConnectionProfile, {
    name: "x",
    connector: "redis",
    config: kafka,
  });
  await ask("breaks rules of the configuration", "FIELD_INVALID", profiles.createConnectionProfile, {
    name: "x",
    connector: "kafka",
    config: {
      kafka: { bootstrapServers: "broker", sasl: { protocol: "X", mechanism: "PLAIN", username: "u", password: "p" } },
    },
  });
  await ask("reads it", "ok", profiles.getConnectionProfile, { id: profile });
  await ask(
    "reads it from elsewhere",
    "PROFILE_NOT_FOUND",
    profiles.getConnectionProfile,
    { id: profile },
    stage.outsider,
  );
  const etag = pick(first, "connectionProfile", "etag");
  const renamed = await ask("renames it", "ok", profiles.updateConnectionProfile, {
    id: profile,
    name: "renamed",
    etag,
  });
  await ask("renames a state that is gone", "ETAG_MISMATCH", profiles.updateConnectionProfile, {
    id: profile,
    name: "again",
    etag,
  });
  await ask("changes one field", "ok", profiles.updateConnectionProfile, {
    id: profile,
    config: { kafka: { bootstrapServers: "broker3:9092" } },
    updateMask: "config.kafka.bootstrapServers",
  });
  const revision = pick(first, "connectionProfile", "revision");
  await ask("looks back", "ok", profiles.listConnectionProfileRevisions, { id: profile, pageSize: 2 });
  await ask("goes back", "ok", profiles.rollbackConnectionProfile, { id: profile, revision });
  await ask("goes back to what never was", "REVISION_NOT_FOUND", profiles.rollbackConnectionProfile, {
    id: profile,
    revision: "999999",
  });
  const postgres = { postgres: { ...stage.target, database: "postgres" } };
  const safe = await ask("keeps one with a secret", "ok", profiles.createConnectionProfile, {
    name: "orders-db",
    connector: "postgres",
    config: postgres,
  });
  const secretive = pick(safe, "connectionProfile", "id");
  await ask("moves its secret elsewhere", "SECRET_REBIND_REQUIRED", profiles.updateConnectionProfile, {
    id: secretive,
    config: { postgres: { host: "elsewhere.example" } },
  });
  await ask("lists a page", "ok", profiles.listConnectionProfiles, { pageSize: 1 });
  await ask("filters", "ok", profiles.listConnectionProfiles, {
    filter: 'connector = "postgres"',
    orderBy: "created_at desc",
  });
  await ask("filters by nonsense", "FIELD_INVALID", profiles.listConnectionProfiles, { filter: "connector ~ 1" });
  await ask("tests it", "ok", profiles.testConnectionProfile, { id: secretive });
  await ask("tests it with an edit that fails", "ok", profiles.testConnectionProfile, {
    config: { postgres: { ...postgres.postgres, port: stage.closedPort } },
  });
  await ask("wants it to work before it is kept", "TARGET_UNUSABLE", profiles.createConnectionProfile, {
    name: "down",
    config: { postgres: { ...postgres.postgres, port: stage.closedPort } },
    validationMode: "VALIDATION_MODE_LIVE",
  });
  await ask("watches a test", "ok", profiles.streamConnectionProfileTest, { id: secretive });
  await ask("watches a test of nothing", "FIELD_INVALID", profiles.streamConnectionProfileTest, {});
  await ask("looks what is there", "ok", profiles.discoverConnectionProfile, { id: secretive });
  await ask("looks into what cannot be listed", "DISCOVERY_NOT_SUPPORTED", profiles.discoverConnectionProfile, {
    config: { mqtt: { url: "mqtt://127.0.0.1:1883" } },
  });
  await ask("may not test", "PERMISSION_MISSING", profiles.testConnectionProfile, { id: secretive }, stage.viewer);
  await ask("deletes a state that is gone", "ETAG_MISMATCH", profiles.deleteConnectionProfile, {
    id: profile,
    etag: pick(renamed, "connectionProfile", "etag"),
  });
  await ask("deletes it whatever its state", "ok", profiles.deleteConnectionProfile, { id: profile });
  await ask("tests what is deleted", "PROFILE_DELETED", profiles.testConnectionProfile, { id: profile });
  await ask("has it back", "ok", profiles.undeleteConnectionProfile, { id: profile });
  await ask("has it back again", "PROFILE_NOT_DELETED", profiles.undeleteConnectionProfile, { id: profile });
  await ask("removes it for good", "ok", profiles.expungeConnectionProfile, { id: profile });
  await ask("reads what is gone", "PROFILE_NOT_FOUND", profiles.getConnectionProfile, { id: profile });
  return transcript;
}
