import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { canary } from "../support/canary.ts";

export type ConfigMember = Extract<
  MessageInitShape<typeof ConnectorConfigSchema>["connector"],
  { case: string; value: unknown }
>;

const tls = {
  ca: "the ca",
  cert: "the cert",
  key: canary("tls-key"),
  serverName: "name.example",
  insecureSkipVerify: true,
};
const registry = { endpoint: "https://registry.example", apiKey: "reader", apiSecret: canary("registry"), tls };
const sasl = {
  protocol: "SASL_SSL",
  mechanism: "OAUTHBEARER",
  username: "ann",
  password: canary("sasl"),
  oauthTokenEndpoint: "https://tokens.example/token",
  oauthScope: "kafka",
  oauthClientAuthentication: "client_secret_post",
};
const iam = {
  region: "eu-central-1",
  accessKeyId: "AKIA",
  secretAccessKey: canary("iam"),
  sessionToken: canary("iam-session"),
};
const password = canary("password");
const basic = { case: "basic" as const, value: { username: "ann", password } };
const bearer = { case: "bearer" as const, value: { token: canary("bearer") } };
const headers = { "x-key": canary("header"), "x-other": canary("header-2") };
const connectionProperties = { "client.id": "a" };

/**
 * Configurations of every connector in which together every field is set: a test holds that. Each reaches its first
 * socket; not every value in them would pass the rules of its field.
 */
export const fullConfigs: readonly ConfigMember[] = [
  {
    case: "kafka",
    value: { bootstrapServers: "a.example:9092", sasl, tls, connectionProperties, schemaRegistry: registry },
  },
  { case: "kafka", value: { bootstrapServers: "a.example:9092", awsMskIam: iam } },
  {
    case: "confluent",
    value: {
      bootstrapServers: "a.example:9092",
      key: "key",
      secret: canary("confluent"),
      schemaRegistry: registry,
      connectionProperties,
      tls,
    },
  },
  { case: "postgres", value: { host: "a.example", port: 5433, database: "shop", username: "ann", password, tls } },
  { case: "mysql", value: { host: "a.example", port: 3307, database: "shop", username: "ann", password, tls } },
  {
    case: "mqtt",
    value: { url: "mqtts://a.example:8884", clientPrefix: "c-", username: "ann", password, maxPacketSize: 2048, tls },
  },
  { case: "mqtt", value: { url: "mqtts://a.example:8884", clientId: "device-1", username: "ann", password } },
  { case: "redis", value: { address: "rediss://a.example:6380", username: "ann", password, tls } },
  {
    case: "redis",
    value: { addresses: ["redis://a.example:7000", "redis://b.example:7000"], username: "ann", password },
  },
  {
    case: "nats",
    value: {
      servers: "a.example:4222",
      authentication: { case: "password", value: { username: "ann", password } },
      tls,
    },
  },
  {
    case: "nats",
    value: { servers: "a.example:4222", authentication: { case: "token", value: { token: canary("nats") } } },
  },
  {
    case: "nats",
    value: {
      servers: "a.example:4222",
      authentication: { case: "jwt", value: { jwt: canary("jwt"), nkeySeed: canary("seed") } },
    },
  },
  {
    case: "rabbitmq",
    value: { host: "a.example", port: 5553, username: "ann", password, virtualHost: "v", loadBalancerMode: true, tls },
  },
  { case: "amqp", value: { host: "a.example", port: 5673, username: "ann", password, virtualHost: "v", tls } },
  {
    case: "iceberg",
    value: {
      url: "https://a.example/catalog",
      warehouse: "w",
      token: canary("iceberg"),
      namespaceSeparator: "%2E",
      tls,
    },
  },
  { case: "http", value: { url: "https://a.example/x", headers, authentication: basic, tls } },
  { case: "http", value: { url: "https://a.example/x", authentication: bearer } },
  {
    case: "websocket",
    value: { url: "wss://a.example/x", headers, subprotocols: ["one"], authentication: basic, tls },
  },
  { case: "websocket", value: { url: "wss://a.example/x", authentication: bearer } },
  {
    case: "s3",
    value: {
      endpoint: "https://a.example:9000",
      region: "eu-central-1",
      bucket: "files",
      forcePathStyle: true,
      accessKeyId: "AKIA",
      secretAccessKey: canary("s3"),
      sessionToken: canary("s3-session"),
      tls,
    },
  },
];
