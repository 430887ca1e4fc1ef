import { describe, expect, test } from "vitest";
import { ConfigError, parseConfig } from "../../src/app/parse-config.ts";
import { nearestSetting } from "../../src/config/nearest-setting.ts";
import { settings } from "../../src/config/settings.ts";

describe("nearestSetting", () => {
  test.each([
    ["KAFKA_BROKER", "KAFKA_BROKERS"],
    ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_BROKERS"],
    ["kafka_brokers", "KAFKA_BROKERS"],
    ["CONNECTORY_KAFKA_BROKERS", "KAFKA_BROKERS"],
    ["KAFKA_USERNAME", "KAFKA_SASL_USERNAME"],
    ["KAFKA_SASL_PASS", "KAFKA_SASL_PASSWORD"],
    ["DATABSE_URL", "DATABASE_URL"],
    ["DATABASE_URI", "DATABASE_URL"],
    ["SECRET_KEY", "SECRET_KEYS"],
    ["AUTH_JWKS_URI", "AUTH_JWKS_URL"],
    ["AUTH_ISSUER_URL", "AUTH_ISSUER"],
    ["AUTH_ROLES", "AUTH_ROLES_CLAIM"],
    ["TLS_CERT", "TLS_CERT_FILE"],
    ["TLS_KEY_PATH", undefined],
    ["CORS_ORIGIN", "CORS_ORIGINS"],
    ["TESTS_MAX_PER_ORG", "TESTS_MAX_PER_ORGANIZATION"],
    ["GRPC_PORT", "GRPC_ADDR"],
    ["HTTP_ADDRESS", "HTTP_ADDR"],
    ["LOG_LEVL", "LOG_LEVEL"],
    ["TSL_CERT_FILE", "TLS_CERT_FILE"],
    ["DATABASE_URL_FILES", "DATABASE_URL"],
  ])("%s is meant to be %s", (name, meant) => {
    expect(nearestSetting(name, "x")).toBe(meant);
  });

  test.each([
    ["KAFKA_HOME", "/opt/kafka"],
    ["HTTP_PROXY", "http://proxy:3128"],
    ["DATABASE_URL_FILE", "/run/secrets/url"],
    ["KAFKA_PORT", "tcp://10.0.0.1:9092"],
    ["GRPC_PORT", "tcp://10.0.0.1:50051"],
    ["KAFKA_BROKERS_SERVICE_HOST", "10.0.0.1"],
    ["KAFKA_PORT_9092_TCP_ADDR", "10.0.0.1"],
    ["SSL_CERT_FILE", "/etc/ssl/cert.pem"],
    ["OTEL_LOG_LEVEL", "info"],
    ["RUST_LOG_LEVEL", "info"],
    ["TEST_DATABASE_URL", "postgres://x"],
    ["MIN_CONNECTIONS", "1"],
    ["NODE_EXTRA_CA_CERTS", "/x"],
    ["PATH", "/bin"],
    ["HOME", "/root"],
    ["HOSTNAME", "h"],
    ["NODE_ENV", "production"],
    ["NODE_OPTIONS", ""],
    ["npm_config_cache", "x"],
    ["npm_package_version", "0.1.0"],
    ["npm_lifecycle_event", "start"],
    ["OTEL_SERVICE_NAME", "x"],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "http://x"],
    ["PGSSLMODE", "require"],
    ["PGDATABASE", "x"],
    ["INVOCATION_ID", "x"],
    ["SYSTEMD_EXEC_PID", "1"],
    ["KUBERNETES_SERVICE_HOST", "10.0.0.1"],
    ["TERM", "xterm"],
    ["DOCKER_HOST", "x"],
    ["LOG_DIR", "/var/log"],
    ["MAX_RETRIES", "3"],
    ["TEST_TIMEOUT_SECONDS_TOTAL", "3"],
    ["X".repeat(100_000), "x"],
  ])("%s is nobody's mistake", (name, value) => {
    expect(nearestSetting(name, value)).toBeUndefined();
  });

  test("no setting is taken for another", () => {
    expect(settings.filter(({ name }) => nearestSetting(name, "x") !== undefined)).toEqual([]);
  });

  test("a misspelt variable stops the start, unless the right one is set too or it belongs to a stored secret", () => {
    const problems = (environment: Record<string, string>) => {
      try {
        parseConfig(environment);
        return "";
      } catch (error) {
        return error instanceof ConfigError ? error.message : String(error);
      }
    };
    expect(problems({ KAFKA_BROKER: "a:1" })).toContain(
      "- KAFKA_BROKER: is no setting of this service and has no effect: did you mean KAFKA_BROKERS?",
    );
    expect(problems({ KAFKA_BROKER: "a:1", KAFKA_BROKERS: "a:1" })).toBe("");
    expect(problems({ CORS_ORIGIN: "x", SECRET_ENV_ALLOW: "acme/CORS_ORIGIN" })).toBe("");
  });
});
