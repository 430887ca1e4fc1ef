/** A setting of the service: an environment variable. */
export interface Setting {
  readonly name: string;
  /** What holds when it is not set: a value as it would be written. Undefined: `unset` describes it. */
  readonly fallback?: string;
  /** What holds when it is not set, in words. Default: nothing. */
  readonly unset?: string;
  /** One or two sentences of plain text. docs/configuration.md begins with them, `.env.example` has them. */
  readonly meaning: string;
  /** A value for `.env.example`. Default: `fallback`. */
  readonly example?: string;
  /** True: it may also be given as `NAME_FILE`, the path of a file that holds it. Default: false. */
  readonly secret?: true;
}

const testLimit = "Concurrency limit of live tests and discoveries";

/**
 * Every setting that the service reads, in the order of its documentation, but for OpenTelemetry's own (`OTEL_…`).
 * `.env.example` is made from this list, and a test compares docs/configuration.md with it.
 */
export const settings = [
  {
    name: "GRPC_ADDR",
    fallback: "127.0.0.1:50051",
    meaning: "Where gRPC listens. Port 0 lets the system choose.",
  },
  {
    name: "HTTP_ADDR",
    fallback: "127.0.0.1:8080",
    meaning: "Where Connect, gRPC-Web, REST, MCP, metrics and the health paths listen, by HTTP/1.1 and HTTP/2.",
  },
  {
    name: "DATA_DIR",
    fallback: "./data",
    meaning: "The folder of the embedded database, and of keys that are not given.",
  },
  {
    name: "DATABASE_URL",
    unset: "the embedded server",
    meaning: "A PostgreSQL database: `postgresql://user:password@host:port/database`.",
    example: "postgresql://connectory:password@db.example:5432/connectory",
    secret: true,
  },
  {
    name: "DATABASE_PREPARE",
    fallback: "on",
    meaning: "`off` behind a pooler that gives each transaction another session.",
  },
  { name: "DATABASE_POOL_MAX", fallback: "10", meaning: "The most connections to the database." },
  {
    name: "KAFKA_BROKERS",
    unset: "events wait",
    meaning: "Where to publish events: `host:port`, comma separated.",
    example: "broker1:9092,broker2:9092",
  },
  {
    name: "KAFKA_TOPIC_PREFIX",
    unset: "empty",
    meaning: "Goes in front of every topic.",
    example: "staging.",
  },
  { name: "KAFKA_SSL", fallback: "false", meaning: "`true`: TLS to the brokers." },
  {
    name: "KAFKA_SASL_MECHANISM",
    fallback: "none",
    meaning: "`plain`, `scram-sha-256`, `scram-sha-512` or `none`.",
    example: "scram-sha-512",
  },
  { name: "KAFKA_SASL_USERNAME", meaning: "The user name for SASL.", example: "connectory" },
  { name: "KAFKA_SASL_PASSWORD", meaning: "The password for SASL.", example: "password", secret: true },
  {
    name: "AUTH_ISSUER",
    unset: "the local issuer",
    meaning: "The `iss` of the tokens to accept.",
    example: "https://issuer.example/realms/acme",
  },
  { name: "AUTH_AUDIENCE", meaning: "The `aud` that a token must have.", example: "connectory" },
  {
    name: "AUTH_JWKS_URL",
    meaning: "Where the issuer publishes its keys.",
    example: "https://issuer.example/realms/acme/protocol/openid-connect/certs",
  },
  { name: "AUTH_ORG_CLAIM", fallback: "org", meaning: "The claim with the organization's id: a name, or a path." },
  { name: "AUTH_ROLES_CLAIM", fallback: "roles", meaning: "The claim with the roles: a name, or a path." },
  { name: "AUTH_DEFAULT_ROLE", fallback: "none", meaning: "The role of a token without that claim." },
  {
    name: "AUTH_ROLE_MAPPING",
    meaning: "Roles by the issuer's names for groups: `group-a=admin,group b=viewer`.",
    example: "group-a=admin,group b=viewer",
  },
  {
    name: "SECRET_KEYS",
    unset: "a key generated in `DATA_DIR`",
    meaning:
      "Key-encryption keys: `name:key`, comma separated, the key 32 bytes in base64. The first wraps, all unwrap.",
    example: "k1:the-output-of-openssl-rand-base64-32",
    secret: true,
  },
  {
    name: "SECRET_ENV_ALLOW",
    unset: "none",
    meaning:
      "The variables that `{{ NAME }}` in a stored secret may refer to: `NAME` or `ORGANIZATION/NAME`, comma separated.",
    example: "DB_PASSWORD,acme/S3_SECRET",
  },
  { name: "TESTS_MAX", fallback: "50", meaning: `${testLimit} in a server.` },
  { name: "TESTS_MAX_PER_ORGANIZATION", fallback: "10", meaning: `${testLimit} for an organization.` },
  {
    name: "TESTS_MAX_PER_TARGET",
    fallback: "5",
    meaning: `${testLimit} of an organization for one target.`,
  },
  {
    name: "TESTS_MAX_PER_ADDRESS",
    fallback: "25",
    meaning: `${testLimit} that dial one address and port, of all organizations in a server.`,
  },
  { name: "TEST_TIMEOUT_MS", fallback: "10000", meaning: "The time limit of a test, in milliseconds." },
  {
    name: "EGRESS_ALLOW",
    unset: "empty",
    meaning:
      "What live tests may dial although it is reserved, or although `EGRESS_DENY` is `*`: address blocks and host names.",
    example: "10.1.0.0/16",
  },
  {
    name: "EGRESS_DENY",
    unset: "empty",
    meaning: "What live tests must not dial: address blocks, host names or `*`.",
    example: "10.0.0.0/8,metadata.example",
  },
  {
    name: "TLS_CERT_FILE",
    unset: "no TLS",
    meaning: "The certificate chain of both ports, a PEM file.",
    example: "/etc/connectory/tls.crt",
  },
  {
    name: "TLS_KEY_FILE",
    unset: "no TLS",
    meaning: "The private key of that certificate, a PEM file.",
    example: "/etc/connectory/tls.key",
  },
  {
    name: "TLS_CLIENT_CA_FILE",
    meaning: "A PEM file. With it every client must present a certificate of this authority.",
    example: "/etc/connectory/clients-ca.crt",
  },
  {
    name: "CORS_ORIGINS",
    unset: "none",
    meaning: "The origins whose web pages may call, comma separated; `*` for all.",
    example: "https://app.example,http://localhost:5173",
  },
  {
    name: "MAX_HEADER_BYTES",
    fallback: "65536",
    meaning: "The most bytes of the headers of one request, the token among them.",
  },
  {
    name: "MAX_MESSAGE_BYTES",
    fallback: "4194304",
    meaning: "The most bytes of one message, both ways.",
  },
  { name: "MAX_CONNECTIONS", fallback: "4096", meaning: "The most connections of each port at once." },
  {
    name: "MAX_CONNECTIONS_PER_ADDRESS",
    fallback: "512",
    meaning: "The most connections of each port at once from one address (IPv6: from one /64 network).",
  },
  {
    name: "METRICS_TOKEN",
    unset: "loopback only",
    meaning:
      "The bearer token for `/metrics`. Without it `/metrics` is served only while `HTTP_ADDR` is a loopback address.",
    example: "the-output-of-openssl-rand-hex-16",
    secret: true,
  },
  {
    name: "LOG_LEVEL",
    fallback: "info",
    meaning: "`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.",
  },
  {
    name: "CONNECTION_ACCESS",
    fallback: "organization",
    meaning:
      "`organization`: the permission covers all connections of the organization. `participant`: callers may use only their own.",
  },
] as const satisfies readonly Setting[];

/** The name of a setting. */
export type SettingName = (typeof settings)[number]["name"];

/** The names of the settings that may also be given as `NAME_FILE`. */
export const secretSettings: readonly string[] = settings.filter((one) => "secret" in one).map(({ name }) => name);
