import { resolve } from "node:path";
import { readIssuerSettings } from "../auth/issuer-settings.ts";
import { EnvReader, isLoopback } from "../config/env-reader.ts";
import type { EgressRule } from "../egress/egress-rule.ts";
import { hostExpected, isHost } from "../egress/is-host.ts";
import { parseEgressRules } from "../egress/parse-egress-rules.ts";
import { selfTargets } from "../egress/self-targets.ts";
import { readTelemetrySettings } from "../telemetry/telemetry-settings.ts";
import type { Config, KafkaSettings, SecretKey } from "./config.ts";

/** All problems of the environment, one per line. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Returns the configuration. Pure: it opens nothing. Throws ConfigError with all problems. */
export function parseConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const env = new EnvReader(environment);
  const grpcAddress = env.address("GRPC_ADDR", "127.0.0.1:50051");
  const httpAddress = env.address("HTTP_ADDR", "127.0.0.1:8080");
  const databaseUrl = readDatabaseUrl(env);
  const config: Config = {
    grpcAddress,
    httpAddress,
    dataDir: resolve(env.text("DATA_DIR") ?? "./data"),
    databaseUrl,
    databasePrepare: env.oneOf("DATABASE_PREPARE", ["on", "off"], "on") === "on",
    databasePoolMax: env.integer("DATABASE_POOL_MAX", 10, 1, 300),
    kafka: readKafka(env),
    kafkaTopicPrefix:
      env.matching("KAFKA_TOPIC_PREFIX", /^[A-Za-z0-9._-]{0,100}$/, "up to 100 of A-Z a-z 0-9 . _ -") ?? "",
    issuer: readIssuerSettings(env),
    secretKeys: readSecretKeys(env),
    secretEnvironment: readSecretEnvironment(env, environment),
    tests: {
      total: env.integer("TESTS_MAX", 50, 1, 1000),
      perOrganization: env.integer("TESTS_MAX_PER_ORGANIZATION", 10, 1, 1000),
      perTarget: env.integer("TESTS_MAX_PER_TARGET", 5, 1, 1000),
      perAddress: env.integer("TESTS_MAX_PER_ADDRESS", 25, 1, 1000),
      deadlineMs: env.integer("TEST_TIMEOUT_MS", 10_000, 500, 60_000),
    },
    egress: { allow: readRules(env, "EGRESS_ALLOW"), deny: readRules(env, "EGRESS_DENY") },
    tls: readTlsFiles(env),
    corsOrigins: env.list("CORS_ORIGINS"),
    maxMessageBytes: env.integer("MAX_MESSAGE_BYTES", 4 * 1024 * 1024, 1024, 64 * 1024 * 1024),
    connectionLimits: {
      total: env.integer("MAX_CONNECTIONS", 4096, 1, 1_000_000),
      perAddress: env.integer("MAX_CONNECTIONS_PER_ADDRESS", 512, 1, 1_000_000),
    },
    logLevel: env.oneOf("LOG_LEVEL", ["fatal", "error", "warn", "info", "debug", "trace", "silent"], "info"),
    telemetry: readTelemetrySettings(env),
    metricsToken: env.matching("METRICS_TOKEN", /^[\x21-\x7e]{16,}$/, "16 or more visible ASCII characters"),
    connectionAccess: env.oneOf("CONNECTION_ACCESS", ["organization", "participant"], "organization"),
  };
  if (config.issuer === undefined)
    for (const [name, address] of Object.entries({ GRPC_ADDR: grpcAddress, HTTP_ADDR: httpAddress }))
      if (!isLoopback(address.host))
        env.problem(
          name,
          `${address.host} is not a loopback address: set AUTH_ISSUER, the local development issuer is for this machine alone`,
        );
  if (env.text("DATABASE_URL") === undefined && !config.databasePrepare)
    env.problem(
      "DATABASE_PREPARE",
      "is for a pooler before the database of DATABASE_URL, which is not set: leave it out",
    );
  if (env.text("CONNECTION_CREATE_POLICY") !== undefined)
    env.problem(
      "CONNECTION_CREATE_POLICY",
      "is now CONNECTION_ACCESS and holds for every call: set that to `organization` in place of `login`, or to `participant`",
    );
  if (databaseUrl !== undefined && config.secretKeys === undefined)
    env.problem(
      "SECRET_KEYS",
      "must be set together with DATABASE_URL, so that every server on that database has the same keys",
    );
  if (env.problems.length > 0) throw new ConfigError(["The environment is not right:", ...env.problems].join("\n  - "));
  return config;
}

/** Matches several hosts in the forms of libpq: in place of the host, or as `?host=`. pg would look up one name with commas. */
const severalHosts = /^[a-z]+:\/\/(?:[^/?#]*@)?[^/?#@]*,[^/?#@]*(?:[/?#]|$)|[?&](?:host|port)=[^&#]*(?:,|%2c)/i;

/** Parameters of libpq that select or restrict the server, and that pg ignores silently. */
const libpqOnly = new Set([
  ...["target_session_attrs", "load_balance_hosts", "hostaddr", "service", "passfile", "requirepeer"],
  ...["require_auth", "channel_binding", "gssencmode", "sslcrl", "sslcrldir", "sslcertmode"],
  ...["ssl_min_protocol_version", "ssl_max_protocol_version"],
]);

function foreignParameters(url: string): string[] {
  const names = [...url.matchAll(/[?&]([^=&#]+)=/g)].map(([, name = ""]) => name.toLowerCase());
  return [...new Set(names)].filter((name) => libpqOnly.has(name));
}

function readDatabaseUrl(env: EnvReader): string | undefined {
  if (severalHosts.test(env.text("DATABASE_URL") ?? "")) {
    const instead = "give the one address that leads to the primary, such as that of a proxy or a virtual address";
    env.problem("DATABASE_URL", `names several hosts, and the service connects to one: ${instead}`);
    return undefined;
  }
  const foreign = foreignParameters(env.text("DATABASE_URL") ?? "");
  if (foreign.length > 0) {
    const instead =
      "leave it out; the service connects to one address, and is ready only while the server there takes writes";
    env.problem("DATABASE_URL", `${foreign.join(", ")}: a parameter of libpq that has no effect here: ${instead}`);
    return undefined;
  }
  const url = env.url("DATABASE_URL", ["postgres:", "postgresql:"])?.href;
  if (url !== undefined && !selfTargets(url, []).every(({ host }) => isHost(host)))
    env.problem("DATABASE_URL", `its host ${hostExpected}`);
  return url;
}

function readKafka(env: EnvReader): KafkaSettings | undefined {
  const brokers = env.list("KAFKA_BROKERS");
  for (const broker of brokers)
    if (!isBroker(broker))
      env.problem(
        "KAFKA_BROKERS",
        `${broker} is not host:port with a port from 1 to 65535; the host ${hostExpected} (an IPv6 address needs a host name: kafkajs cannot read it)`,
      );
  const ssl = env.oneOf("KAFKA_SSL", ["true", "false"], "false") === "true";
  const mechanism = env.oneOf("KAFKA_SASL_MECHANISM", ["plain", "scram-sha-256", "scram-sha-512", "none"], "none");
  const username = env.text("KAFKA_SASL_USERNAME");
  const password = env.text("KAFKA_SASL_PASSWORD");
  if (mechanism === "none" && (username ?? password) !== undefined)
    env.problem("KAFKA_SASL_MECHANISM", "must be set together with KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD");
  if (mechanism !== "none" && (username === undefined || password === undefined))
    env.problem("KAFKA_SASL_USERNAME", "must be set, with KAFKA_SASL_PASSWORD, because KAFKA_SASL_MECHANISM is");
  if (brokers.length === 0 && (ssl || mechanism !== "none"))
    env.problem("KAFKA_BROKERS", "must be set for KAFKA_SSL and KAFKA_SASL_MECHANISM to have an effect");
  const sasl = mechanism === "none" ? undefined : { mechanism, username: username ?? "", password: password ?? "" };
  return brokers.length === 0 ? undefined : { brokers, ssl, sasl };
}

function isBroker(text: string): boolean {
  const [, host = "", port = ""] = /^([^:]+):(\d{1,5})$/.exec(text) ?? [];
  return isHost(host) && Number(port) >= 1 && Number(port) <= 65_535;
}

function readSecretKeys(env: EnvReader): Config["secretKeys"] {
  const keys = env.list("SECRET_KEYS").map((text): SecretKey => {
    const [, id = "", encoded = ""] = /^([A-Za-z0-9._-]{1,64}):([A-Za-z0-9+/]{43}=)$/.exec(text) ?? [];
    if (id === "")
      env.problem("SECRET_KEYS", "each key must be name:base64 of 32 bytes, such as k1:$(openssl rand -base64 32)");
    return { id, key: Buffer.from(encoded, "base64") };
  });
  const names = keys.map((key) => key.id).filter((id) => id !== "");
  if (new Set(names).size < names.length) env.problem("SECRET_KEYS", "two keys have the same name");
  const [first, ...rest] = keys;
  return first === undefined ? undefined : [first, ...rest];
}

/** Variables of the service itself: a reference to one would reveal its value to the operator of the target. */
const ownVariables = /^(SECRET_|DATABASE_|DATA_DIR|GRPC_|HTTP_|KAFKA_|AUTH_|TLS_|REDIS_|METRICS_|OTEL_|PG|NODE_)/;

function readSecretEnvironment(
  env: EnvReader,
  environment: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, string> {
  const entries = env.list("SECRET_ENV_ALLOW").map((entry): [string, string] => {
    const [, name = ""] = /^(?:[^/\s]{1,256}\/)?([A-Z][A-Z0-9_]{0,127})$/.exec(entry) ?? [];
    const value = environment[name] ?? "";
    if (name === "") env.problem("SECRET_ENV_ALLOW", `${entry}: must be NAME or ORGANIZATION/NAME, NAME of A-Z 0-9 _`);
    else if (ownVariables.test(name)) env.problem("SECRET_ENV_ALLOW", `${name} is a setting of this service`);
    else if (value === "") env.problem("SECRET_ENV_ALLOW", `${name} is listed and not set`);
    return [entry, value];
  });
  return new Map(entries);
}

function readRules(env: EnvReader, name: string): readonly EgressRule[] {
  const { rules, problems } = parseEgressRules(env.text(name) ?? "");
  for (const problem of problems) env.problem(name, problem);
  return rules;
}

function readTlsFiles(env: EnvReader): Config["tls"] {
  const certFile = env.text("TLS_CERT_FILE");
  const keyFile = env.text("TLS_KEY_FILE");
  const clientCaFile = env.text("TLS_CLIENT_CA_FILE");
  if ((certFile === undefined) !== (keyFile === undefined))
    env.problem("TLS_CERT_FILE", "must be set together with TLS_KEY_FILE");
  if (clientCaFile !== undefined && certFile === undefined)
    env.problem("TLS_CLIENT_CA_FILE", "has no effect without TLS_CERT_FILE and TLS_KEY_FILE");
  return certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile, clientCaFile };
}
