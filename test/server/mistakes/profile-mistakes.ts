import { overGrpc, type Row } from "./send-mistake.ts";

const createProfile = "/connectory.v1.ConnectionProfileService/CreateConnectionProfile";
const kafka = { bootstrap_servers: "broker:9092" };
const profiles = "POST /v1/connection_profiles";

/** Mistakes in requests about connection profiles. */
export const profileMistakes: readonly Row[] = [
  [
    "a connector's other name",
    ({ http }) => http(profiles, { name: "x", connector: "postgresql", config: { host: "db" } }),
    400,
    'connector: there is no connector "postgresql": did you mean postgres? profiles can be made for amqp, confluent, http, ',
  ],
  [
    "a connector in capitals over Connect",
    ({ http }) => http(`POST ${createProfile}`, { name: "x", connector: "Kafka", config: kafka }),
    400,
    'connector: there is no connector "Kafka": did you mean kafka? profiles can be made for amqp, confluent, http, ',
  ],
  [
    "a connector in capitals over MCP",
    ({ tool }) => tool("createConnectionProfile", { name: "x", connector: "Kafka", config: kafka }),
    "tool error",
    'INVALID_ARGUMENT (CONNECTOR_UNKNOWN): connector: there is no connector "Kafka": did you mean kafka? profiles can be made for amqp, confluent, http, ',
  ],
  [
    "a connector in capitals over gRPC",
    ({ profiles: p }) => overGrpc(p.getConnector({ id: "Kafka" })),
    "NotFound",
    "there is no such connector: did you mean kafka?",
  ],
  [
    "no connector",
    ({ http }) => http(profiles, { name: "x", config: kafka }),
    400,
    "config.bootstrap_servers: there is no such field here: say in connector what config is of and give its fields directly, or give one of kafka, postgres, confluent, mqtt, redis, nats, rabbitmq, iceberg, mysql, http, websocket, s3, amqp",
  ],
  [
    "no connector over Connect",
    ({ http }) => http(`POST ${createProfile}`, { name: "x", config: {} }),
    400,
    "config.connector: exactly one of these must be given: kafka, postgres, confluent, mqtt, redis, nats, rabbitmq, iceberg, mysql, http, websocket, s3, amqp",
  ],
  [
    "no configuration over gRPC",
    ({ profiles: p }) => overGrpc(p.createConnectionProfile({ name: "x", config: {} })),
    "InvalidArgument",
    "config.connector: exactly one of these must be given: kafka, postgres, confluent, mqtt, redis, nats, rabbitmq, iceberg, mysql, http, websocket, s3, amqp",
  ],
  [
    "two connectors",
    ({ tool }) => tool("createConnectionProfile", { name: "x", config: { kafka, redis: {} } }),
    "tool error",
    "INVALID_ARGUMENT (MESSAGE_MALFORMED): config.connector: only one of kafka, redis can be given",
  ],
  [
    "a misspelt setting",
    ({ http }) => http(profiles, { name: "x", connector: "kafka", config: { bootstrap_server: "broker:9092" } }),
    400,
    "config.bootstrap_server: there is no such field: did you mean bootstrap_servers? known here are bootstrap_servers, sasl, tls, aws_msk_iam, connection_properties, schema_registry",
  ],
  [
    "a misspelt setting over Connect",
    ({ http }) => http(`POST ${createProfile}`, { name: "x", config: { kafka: { bootstrapServer: "broker:9092" } } }),
    400,
    "config.kafka.bootstrapServer: there is no such field: did you mean bootstrapServers? known here are bootstrapServers, sasl, tls, awsMskIam, connectionProperties, schemaRegistry",
  ],
  [
    "a misspelt setting over MCP",
    ({ tool }) =>
      tool("createConnectionProfile", { name: "x", connector: "kafka", config: { bootstrap_server: "broker:9092" } }),
    "tool error",
    "INVALID_ARGUMENT (MESSAGE_MALFORMED): config.bootstrap_server: there is no such field: did you mean bootstrapServers? known here are bootstrapServers, sasl, tls, awsMskIam, connectionProperties, schemaRegistry",
  ],
  [
    "a broker without a port",
    ({ http }) => http(profiles, { name: "x", connector: "kafka", config: { bootstrap_servers: "broker" } }),
    400,
    "config.bootstrap_servers: must be host:port, comma separated, such as broker-1:9092,[2001:db8::1]:9092",
  ],
  [
    "a broker without a port over Connect",
    ({ http }) =>
      http(`POST ${createProfile}`, { name: "x", connector: "kafka", config: { bootstrapServers: "broker" } }),
    400,
    "config.bootstrapServers: must be host:port, comma separated, such as broker-1:9092,[2001:db8::1]:9092",
  ],
  [
    "the wrong one of three brokers",
    ({ http }) => http(profiles, { name: "x", connector: "kafka", config: { bootstrap_servers: "a:1,b..c:2,d:3" } }),
    400,
    "config.bootstrap_servers: entry 2 of 3 (b..c:2) must be host:port; the host must be a name without empty parts, an IPv4 address as four decimal numbers, or an IPv6 address without a zone",
  ],
  [
    "a port in the host",
    ({ http }) =>
      http(profiles, { name: "x", connector: "postgres", config: { host: "localhost:5432", username: "u" } }),
    400,
    "config.host: must be a host alone, without its port: localhost, and 5432 as the port",
  ],
  [
    "a URL for a host",
    ({ http }) =>
      http(profiles, { name: "x", connector: "postgres", config: { host: "postgres://db/x", username: "u" } }),
    400,
    "config.host: must be a host alone: db",
  ],
  [
    "two log-ins",
    ({ http }) =>
      http(profiles, {
        name: "x",
        connector: "http",
        config: { url: "https://a.example", basic: { username: "u" }, bearer: { token: "t" } },
      }),
    400,
    "config.authentication: only one of basic, bearer can be given",
  ],
  [
    "a setting twice",
    ({ http }) =>
      http(
        `POST ${createProfile}`,
        '{"name":"x","connector":"redis","config":{"address":"redis://a","address":"redis://b"}}',
      ),
    400,
    "config.address: is given twice: give it once",
  ],
  [
    "a name with a space at its end",
    ({ http }) => http(profiles, { name: "x ", connector: "kafka", config: kafka }),
    400,
    "name: must be 1 to 100 visible characters without a space at either end; a joiner (ZWJ, ZWNJ) stands between two of them",
  ],
  [
    "the same name in a test",
    ({ http }) => http("POST /v1/connection_profiles/test", { name: "x ", connector: "kafka", config: kafka }),
    400,
    "name: must be 1 to 100 visible characters without a space at either end; a joiner (ZWJ, ZWNJ) stands between two of them",
  ],
  [
    "a label with capitals",
    ({ http }) => http(profiles, { name: "x", connector: "kafka", config: kafka, labels: { Team: "a" } }),
    400,
    'labels["Team"]: a name must be 1 to 63 lower-case letters, digits, . _ / and -, with a letter or a digit at both ends',
  ],
  [
    "a profile by its name",
    ({ http }) => http("GET /v1/connection_profiles/my-kafka-cluster"),
    400,
    'id: must be a profile\'s id, cp_ and 10 to 64 letters and digits; to find that of a name, list the profiles with the filter name = "NAME"',
  ],
  [
    "a profile by its name over gRPC",
    ({ profiles: p }) => overGrpc(p.getConnectionProfile({ id: "my-kafka-cluster" })),
    "InvalidArgument",
    'id: must be a profile\'s id, cp_ and 10 to 64 letters and digits; to find that of a name, list the profiles with the filter name = "NAME"',
  ],
  [
    "a profile that is not there",
    ({ http }) => http("GET /v1/connection_profiles/cp_0123456789"),
    404,
    "your organization has no such connection profile",
  ],
  [
    "an unknown path of a mask",
    ({ tool }) => tool("testConnectionProfile", { id: "cp_0123456789", updateMask: "config.kafka.bootstrap" }),
    "tool error",
    "NOT_FOUND (PROFILE_NOT_FOUND): your organization has no such connection profile",
  ],
  [
    "an empty path of a mask",
    ({ http }) => http("PATCH /v1/connection_profiles/cp_0123456789", { update_mask: "," }),
    400,
    "update_mask: has an empty path: name a field",
  ],
  [
    "an unknown validation mode",
    ({ http }) => http(profiles, { name: "x", connector: "kafka", config: kafka, validation_mode: "LIVE" }),
    400,
    "validation_mode: must be one of VALIDATION_MODE_UNSPECIFIED, VALIDATION_MODE_SCHEMA, VALIDATION_MODE_LIVE",
  ],
  [
    "neither id nor configuration in a test",
    ({ http }) => http("POST /v1/connection_profiles/test", {}),
    400,
    "config: give the id of a saved profile, an unsaved config, or both",
  ],
];
