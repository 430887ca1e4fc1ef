import { resolve } from "node:path";
import { readIssuerSettings } from "../auth/issuer-settings.ts";
import { EnvReader, isLoopback } from "../config/env-reader.ts";
import type { EgressRule } from "../egress/egress-rule.ts";
import { parseEgressRules } from "../egress/parse-egress-rules.ts";
import { readTelemetrySettings } from "../telemetry/telemetry-settings.ts";
import type { Config, SecretKey } from "./config.ts";
import { readDatabaseUrl } from "./read-database-url.ts";
import { readKafkaSettings } from "./read-kafka-settings.ts";

/** All problems of the environment, one per line. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** The environment as it is given to a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Returns the configuration. Reads the environment and the files of secrets alone. Throws ConfigError with all problems. */
export function parseConfig(environment: Environment): Config {
  const { config, env } = readConfig(environment);
  throwProblems(env.problems);
  return config;
}

/** Throws ConfigError with the problems, if there are any. */
export function throwProblems(problems: readonly string[]): void {
  if (problems.length > 0) throw new ConfigError(["The environment is not right:", ...problems].join("\n  - "));
}

/** Returns the configuration, and the reader with its problems. A setting with a problem has its default in the configuration. */
export function readConfig(environment: Environment): { readonly config: Config; readonly env: EnvReader } {
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
    kafka: readKafkaSettings(env),
    kafkaTopicPrefix:
      env.matching("KAFKA_TOPIC_PREFIX", /^[A-Za-z0-9._-]{0,100}$/, "up to 100 of A-Z a-z 0-9 . _ -") ?? "",
    issuer: readIssuerSettings(env),
    secretKeys: readSecretKeys(env),
    secretEnvironment: readSecretEnvironment(env),
    tests: {
      total: env.integer("TESTS_MAX", 50, 1, 1000),
      perOrganization: env.integer("TESTS_MAX_PER_ORGANIZATION", 10, 1, 1000),
      perTarget: env.integer("TESTS_MAX_PER_TARGET", 5, 1, 1000),
      perAddress: env.integer("TESTS_MAX_PER_ADDRESS", 25, 1, 1000),
      deadlineMs: env.integer("TEST_TIMEOUT_MS", 10_000, 500, 60_000),
    },
    egress: { allow: readRules(env, "EGRESS_ALLOW"), deny: readRules(env, "EGRESS_DENY") },
    tls: readTlsFiles(env),
    corsOrigins: readOrigins(env),
    maxHeaderBytes: env.integer("MAX_HEADER_BYTES", 64 * 1024, 8 * 1024, 64 * 1024),
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
  if (!env.isGiven("DATABASE_URL") && !config.databasePrepare)
    env.problem(
      "DATABASE_PREPARE",
      "is for a pooler before the database of DATABASE_URL, which is not set: leave it out",
    );
  if (env.text("CONNECTION_CREATE_POLICY") !== undefined)
    env.problem(
      "CONNECTION_CREATE_POLICY",
      "is now CONNECTION_ACCESS and holds for every call: set that to `organization` in place of `login`, or to `participant`",
    );
  if (env.isGiven("DATABASE_URL") && !env.isGiven("SECRET_KEYS"))
    env.problem(
      "SECRET_KEYS",
      "must be set together with DATABASE_URL, so that every server on that database has the same keys",
    );
  env.rejectMisspelt(new Set(env.list("SECRET_ENV_ALLOW").map((entry) => entry.replace(/^.*\//, ""))));
  return { config, env };
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

function readSecretEnvironment(env: EnvReader): ReadonlyMap<string, string> {
  const entries = env.list("SECRET_ENV_ALLOW").map((entry): [string, string] => {
    const [, name = ""] = /^(?:[^/\s]{1,256}\/)?([A-Z][A-Z0-9_]{0,127})$/.exec(entry) ?? [];
    if (name === "") env.problem("SECRET_ENV_ALLOW", `${entry}: must be NAME or ORGANIZATION/NAME, NAME of A-Z 0-9 _`);
    else if (ownVariables.test(name)) env.problem("SECRET_ENV_ALLOW", `${name} is a setting of this service`);
    else if (!env.isVariable(name))
      env.problem("SECRET_ENV_ALLOW", `${name} is listed and not set: set it, or ${name}_FILE to the path of its file`);
    return [entry, env.variable(name)];
  });
  return new Map(entries);
}

/** Browsers send an origin as scheme://host, with the port unless it is the scheme's own, in lower case and with no path. */
function readOrigins(env: EnvReader): readonly string[] {
  const origins = env.list("CORS_ORIGINS");
  for (const origin of origins) {
    if (origin === "*") continue;
    const problem = originProblem(origin);
    if (problem !== undefined) env.problem("CORS_ORIGINS", `${origin}: ${problem}`);
  }
  return origins;
}

function originProblem(origin: string): string | undefined {
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*):\/\/(.+)$/i.exec(origin) ?? [];
  if (rest === "") return `must begin with its scheme: write https://${origin.replace(/^[/:]+/, "")} or http://…`;
  if (rest.includes("*")) return "a name with * matches nothing: list each origin, or give * alone for all";
  const url = URL.parse(origin);
  const written = /^https?$/i.test(scheme) ? url?.origin : `${scheme.toLowerCase()}://${rest.replace(/[/?#].*$/, "")}`;
  if (url === null || written === undefined) return "is no origin: write scheme://host or scheme://host:port";
  return written === origin ? undefined : `write it as browsers send it: ${written}`;
}

function readRules(env: EnvReader, name: "EGRESS_ALLOW" | "EGRESS_DENY"): readonly EgressRule[] {
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
