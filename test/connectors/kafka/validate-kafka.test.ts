import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { KafkaConfigSchema } from "../../../gen/connectory/v1/kafka_config_pb.js";
import { kafka } from "../../../src/connectors/kafka/kafka.ts";
import { validateConnectionProperties } from "../../../src/connectors/kafka/validate-connection-properties.ts";
import { validateKafka } from "../../../src/connectors/kafka/validate-kafka.ts";
import { canary } from "../../support/canary.ts";

type Init = MessageInitShape<typeof KafkaConfigSchema>;
const configOf = (init: Init) => create(KafkaConfigSchema, { bootstrapServers: "a:1", ...init });
const violated = (init: Init) => validateKafka(configOf(init)).map(({ field }) => field);

const password = canary("kafka-check");
const bearer = { protocol: "SASL_SSL", mechanism: "OAUTHBEARER", username: "client", password };
const awsMskIam = { region: "eu-central-1", accessKeyId: "AKIA", secretAccessKey: password };
const oauthTokenEndpoint = "https://id.example/token";

describe("checkKafka", () => {
  test.each<[Init]>([
    [{ sasl: bearer }],
    [{ sasl: { ...bearer, oauthTokenEndpoint, oauthScope: "kafka read:all" } }],
    [{ sasl: { ...bearer, oauthTokenEndpoint: "http://localhost:8080/token" } }],
    [{ sasl: { ...bearer, oauthTokenEndpoint: "http://[::1]/token?tenant=a" } }],
    [{ sasl: { ...bearer, oauthTokenEndpoint, oauthClientAuthentication: "client_secret_post", username: "a:b" } }],
    [{ sasl: { ...bearer, oauthTokenEndpoint, oauthClientAuthentication: "client_secret_basic_raw" } }],
    [{ awsMskIam }],
    [{ awsMskIam, tls: {} }],
    [{ schemaRegistry: { endpoint: "https://registry.example", apiKey: "k", apiSecret: password } }],
    [{ connectionProperties: { "client.id": "team-1", "fetch.min.bytes": "1", "isolation.level": "read_committed" } }],
  ])("has nothing against case %#", (init) => {
    expect(violated(init)).toEqual([]);
  });

  test.each<[Init, string]>([
    [{ sasl: bearer, awsMskIam }, "aws_msk_iam"],
    [{ sasl: { ...bearer, protocol: "SASL_PLAINTEXT" }, tls: {} }, "sasl.protocol"],
    [{ sasl: { ...bearer, mechanism: "PLAIN", oauthTokenEndpoint } }, "sasl.oauth_token_endpoint"],
    [{ sasl: { ...bearer, mechanism: "SCRAM-SHA-512", oauthScope: "kafka" } }, "sasl.oauth_scope"],
    [{ sasl: { ...bearer, oauthScope: "kafka" } }, "sasl.oauth_scope"],
    [{ sasl: { ...bearer, oauthClientAuthentication: "client_secret_post" } }, "sasl.oauth_client_authentication"],
    [
      { sasl: { ...bearer, mechanism: "PLAIN", oauthClientAuthentication: "client_secret_post" } },
      "sasl.oauth_client_authentication",
    ],
    [
      {
        sasl: { ...bearer, oauthTokenEndpoint, oauthClientAuthentication: "client_secret_basic_raw", username: "a:b" },
      },
      "sasl.oauth_client_authentication",
    ],
    [{ sasl: { ...bearer, oauthTokenEndpoint, oauthScope: 'a"b' } }, "sasl.oauth_scope"],
    [{ sasl: { ...bearer, oauthTokenEndpoint, oauthScope: "a\r\nb" } }, "sasl.oauth_scope"],
    [{ sasl: { ...bearer, oauthTokenEndpoint: "http://id.example/token" } }, "sasl.oauth_token_endpoint"],
    [{ sasl: { ...bearer, oauthTokenEndpoint: "http://127.evil.example/token" } }, "sasl.oauth_token_endpoint"],
    [{ sasl: { ...bearer, oauthTokenEndpoint: "ftp://id.example/token" } }, "sasl.oauth_token_endpoint"],
    [{ sasl: { ...bearer, oauthTokenEndpoint: "https://u:p@id.example/token" } }, "sasl.oauth_token_endpoint"],
    [{ sasl: { ...bearer, oauthTokenEndpoint: "https://id.example:0/token" } }, "sasl.oauth_token_endpoint"],
    [{ sasl: { ...bearer, oauthTokenEndpoint: "https://id.example/t?client_secret=s" } }, "sasl.oauth_token_endpoint"],
    [{ schemaRegistry: { endpoint: "ftp://registry.example" } }, "schema_registry.endpoint"],
    [{ schemaRegistry: { endpoint: "https://r.example", tls: { ca: "none" } } }, "schema_registry.tls.ca"],
    [{ connectionProperties: { "sasl.password": "x" } }, 'connection_properties["sasl.password"]'],
  ])("case %#", (init, field) => {
    expect(violated(init)).toEqual([field]);
  });
});

test("endpoints are all that a test begins with", () => {
  const sasl = { ...bearer, oauthTokenEndpoint: "https://[2001:db8::1]/token" };
  const schemaRegistry = { endpoint: "http://registry.example:8081/base" };
  expect(kafka.endpoints(configOf({ bootstrapServers: "a:1,[2001:db8::2]:2", sasl, schemaRegistry }))).toEqual([
    { host: "a", port: 1 },
    { host: "2001:db8::2", port: 2 },
    { host: "2001:db8::1", port: 443 },
    { host: "registry.example", port: 8081 },
  ]);
  expect(kafka.endpoints(configOf({ schemaRegistry: { endpoint: "no url" } }))).toEqual([{ host: "a", port: 1 }]);
});

describe("checkConnectionProperties", () => {
  test.each([
    "bootstrap.servers",
    "metadata.broker.list",
    "sasl.password",
    "sasl.username",
    "sasl.mechanism",
    "sasl.jaas.config",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.kerberos.kinit.cmd",
    "sasl.client.callback.handler.class",
    "sasl.login.callback.handler.class",
    "security.protocol",
    "security.providers",
    "ssl.key.pem",
    "ssl.key.password",
    "ssl.ca.location",
    "ssl.truststore.location",
    "ssl.keystore.password",
    "ssl.endpoint.identification.algorithm",
    "ssl.engine.factory.class",
    "enable.ssl.certificate.verification",
    "interceptor.classes",
    "metric.reporters",
    "key.serializer",
    "value.deserializer",
    "partitioner.class",
    "partition.assignment.strategy",
    "config.providers",
    "plugin.library.paths",
    "client.dns.lookup",
    "resolve.canonical.bootstrap.servers.only",
    "broker.address.family",
    "broker.address.ttl",
    "https.proxy",
    "socks.proxy",
    "schema.registry.url",
    "basic.auth.user.info",
    "oauth.token",
    "my.secret",
    "debug",
    "topic",
    "constructor",
    "__proto__",
  ])("refuses %s", (key) => {
    const properties = Object.fromEntries([[key, "1"]]);
    expect(validateConnectionProperties(properties)).toMatchObject([{ field: `connection_properties["${key}"]` }]);
  });

  test.each([
    "evil.example:9092",
    "http://evil.example",
    "//evil.example",
    "a\nsasl.password=b",
    "a b",
    "a\u0000",
    "[::1]",
    "user@host",
    "$(whoami)",
    "{{ NAME }}",
    "/etc/passwd",
    "..\\x",
    "",
  ])("refuses the value %j", (value) => {
    expect(validateConnectionProperties({ "client.id": value })).toMatchObject([
      { field: 'connection_properties["client.id"]' },
    ]);
  });

  test("never repeats a value", () => {
    const said = JSON.stringify(
      validateConnectionProperties({ "sasl.password": password, "client.id": `${password}:1` }),
    );
    expect(said).not.toContain(password);
  });
});
