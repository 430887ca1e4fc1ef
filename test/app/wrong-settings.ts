import { join } from "node:path";

/** A mistake in the settings of a start, and what the service prints about it. */
export interface WrongSetting {
  /** What somebody got wrong. */
  readonly mistake: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The line of the list of problems; `…` stands for what differs from machine to machine. */
  readonly answer: string;
}

/** What the mistakes need on the machine. */
export interface Surroundings {
  /** A folder with `file`, `garbage.pem`, and the certificates of `test/support/certificates`. */
  readonly folder: string;
  /** `host:port` of a server that speaks no PostgreSQL. */
  readonly takenAddress: string;
  /** The URL of a database that can be used, over a unix socket. */
  readonly databaseUrl: string;
}

const shown = "…";

/** Every mistake of the start-up, in the order of docs/troubleshooting.md, which has the same answers. */
export function wrongSettings({ folder, takenAddress, databaseUrl }: Surroundings): readonly WrongSetting[] {
  const file = (name: string) => join(folder, name);
  const change = (parameter: string) => `${databaseUrl}&${parameter}`;
  const pair = (cert: string, key: string) => ({ TLS_CERT_FILE: file(cert), TLS_KEY_FILE: file(key) });
  // With keys, database and issuer given DATA_DIR is not needed, and is not looked at: these are not made beside its mistakes.
  const dataDir = { DATA_DIR: file("data") };
  const issuer = { AUTH_ISSUER: "https://issuer.example", AUTH_AUDIENCE: "connectory", ...dataDir };
  return [
    {
      mistake: "a port that another program has",
      environment: { GRPC_ADDR: takenAddress },
      answer: `GRPC_ADDR: ${shown} is in use by another program: stop that one (ss -ltnp shows it), or choose another port`,
    },
    {
      mistake: "one port for both",
      environment: { GRPC_ADDR: "127.0.0.1:31999", HTTP_ADDR: "127.0.0.1:31999" },
      answer: `HTTP_ADDR: ${shown} is taken by GRPC_ADDR: give each a port of its own`,
    },
    {
      mistake: "an address of another machine",
      environment: { HTTP_ADDR: "192.0.2.1:8080", ...issuer, AUTH_JWKS_URL: "https://issuer.example/keys" },
      answer: `HTTP_ADDR: ${shown} is no address of this machine: take 127.0.0.1, 0.0.0.0 for all addresses, or one that ip addr shows`,
    },
    {
      mistake: "no port",
      environment: { GRPC_ADDR: "127.0.0.1" },
      answer: "GRPC_ADDR: must be host:port, such as 127.0.0.1:50051 or [::1]:50051",
    },
    {
      mistake: "the local issuer on an address that others reach",
      environment: { GRPC_ADDR: "0.0.0.0:0" },
      answer: `GRPC_ADDR: ${shown} is not a loopback address: set AUTH_ISSUER, the local development issuer is for this machine alone`,
    },
    {
      mistake: "a TLS file that is not there",
      environment: pair("none.pem", "server-key.pem"),
      answer: `TLS_CERT_FILE: there is no file ${shown}: check the path`,
    },
    {
      mistake: "a TLS file that holds something else",
      environment: pair("garbage.pem", "server-key.pem"),
      answer: `TLS_CERT_FILE: ${shown} must be certificates in PEM: it has no block that begins with -----BEGIN`,
    },
    {
      mistake: "a key file that holds something else",
      environment: pair("server.pem", "garbage.pem"),
      answer: `TLS_KEY_FILE: ${shown} must be a private key in PEM: it has no block that begins with -----BEGIN`,
    },
    {
      mistake: "certificate and key swapped",
      environment: pair("server-key.pem", "server.pem"),
      answer: "TLS_CERT_FILE: holds a private key, and TLS_KEY_FILE a certificate: swap the two",
    },
    {
      mistake: "the key of another certificate",
      environment: pair("server.pem", "client-key.pem"),
      answer:
        "TLS_KEY_FILE: is not the key of the certificate in TLS_CERT_FILE: name the two that were issued together",
    },
    {
      mistake: "a certificate without its key",
      environment: { TLS_CERT_FILE: file("server.pem") },
      answer: "TLS_CERT_FILE: must be set together with TLS_KEY_FILE",
    },
    {
      mistake: "an authority's file that holds something else",
      environment: { ...pair("server.pem", "server-key.pem"), TLS_CLIENT_CA_FILE: file("garbage.pem") },
      answer: `TLS_CLIENT_CA_FILE: ${shown} must be certificates in PEM: it has no block that begins with -----BEGIN`,
    },
    {
      mistake: "a file as DATA_DIR",
      environment: { DATA_DIR: file("file") },
      answer: `DATA_DIR: ${shown} is a file: name a folder`,
    },
    {
      mistake: "a DATA_DIR below a file",
      environment: { DATA_DIR: file("file/data") },
      answer: `DATA_DIR: ${shown} leads through a file as if it were a folder: check the path`,
    },
    {
      mistake: "a DATA_DIR in which the system makes nothing",
      environment: { DATA_DIR: "/proc/x" },
      answer: `DATA_DIR: ${shown} cannot be created: the system creates no folder there; name another one`,
    },
    {
      mistake: "a database of another kind",
      environment: { DATABASE_URL: "mysql://ann:hidden@127.0.0.1/x" },
      answer: "DATABASE_URL: must be a URL that begins with postgres:// or postgresql://",
    },
    {
      mistake: "a database without keys",
      environment: { DATABASE_URL: databaseUrl, SECRET_KEYS: "" },
      answer:
        "SECRET_KEYS: must be set together with DATABASE_URL, so that every server on that database has the same keys",
    },
    {
      mistake: "the wrong port of the database",
      environment: { DATABASE_URL: "postgres://ann:hidden@127.0.0.1:1/x" },
      answer: `DATABASE_URL: nothing listens at ${shown}: check host and port, and that PostgreSQL is running and listens there (listen_addresses)`,
    },
    {
      mistake: "the wrong host of the database",
      environment: { DATABASE_URL: "postgres://ann:hidden@no-such-host.invalid/x" },
      answer: `DATABASE_URL: the host of ${shown} is not known to this machine's name servers: check its name`,
    },
    {
      mistake: "the port of another program in place of the database's",
      environment: { DATABASE_URL: `postgres://ann:hidden@${takenAddress}/x` },
      answer: `DATABASE_URL: what answers at ${shown} is not PostgreSQL, or closes the connection: check host and port`,
    },
    {
      mistake: "the wrong name of the database",
      environment: { DATABASE_URL: databaseUrl.replace(/\/[^/?]+\?/, "/no_such_database?") },
      answer: `DATABASE_URL: there is no database ${shown}: create it, or check the name at the end of the URL`,
    },
    {
      mistake: "a database that has no TLS",
      environment: { DATABASE_URL: change("sslmode=require") },
      answer: `DATABASE_URL: the server at ${shown} has no TLS: turn on ssl there, or use sslmode=disable in a network that you trust`,
    },
    {
      mistake: "an sslmode that does not exist",
      environment: { DATABASE_URL: change("sslmode=on") },
      answer:
        "DATABASE_URL: sslmode must be one of disable, prefer, require, verify-ca, verify-full, no-verify (all but the first and the last verify the server's certificate)",
    },
    {
      mistake: "a file of the database's authority that is not there",
      environment: { DATABASE_URL: change("sslmode=verify-full&sslrootcert=/no/such/ca.crt") },
      answer: `DATABASE_URL: a file of its TLS parameters: there is no file ${shown}: check the path`,
    },
    {
      mistake: "several hosts of a database",
      environment: { DATABASE_URL: "postgres://ann:hidden@127.0.0.1,127.0.0.2/x" },
      answer:
        "DATABASE_URL: names several hosts, and the service connects to one: give the one address that leads to the primary, such as that of a proxy or a virtual address",
    },
    {
      mistake: "a secret's file that is not there",
      environment: { METRICS_TOKEN_FILE: file("none") },
      answer: `METRICS_TOKEN_FILE: there is no file ${shown}: check the path`,
    },
    {
      mistake: "a secret in both forms",
      environment: { METRICS_TOKEN: "0123456789abcdef", METRICS_TOKEN_FILE: file("file") },
      answer: "METRICS_TOKEN_FILE: is set beside METRICS_TOKEN: leave one of them out",
    },
    {
      mistake: "keys that are not in base64",
      environment: { SECRET_KEYS: "k1:secret" },
      answer: "SECRET_KEYS: each key must be name:base64 of 32 bytes, such as k1:$(openssl rand -base64 32)",
    },
    {
      mistake: "a variable with another name",
      environment: { KAFKA_BROKER: "broker:9092" },
      answer:
        "KAFKA_BROKER: is no setting of this service and has no effect: did you mean KAFKA_BROKERS? If it is for another program, leave it out of this one's environment",
    },
    {
      mistake: "an origin without its scheme",
      environment: { CORS_ORIGINS: "app.example" },
      answer: `CORS_ORIGINS: ${shown} must begin with its scheme: write ${shown} or ${shown}`,
    },
    {
      mistake: "an origin with a slash at its end",
      environment: { CORS_ORIGINS: "https://app.example/" },
      answer: `CORS_ORIGINS: ${shown} write it as browsers send it: ${shown}`,
    },
    {
      mistake: "a pattern of origins",
      environment: { CORS_ORIGINS: "https://*.app.example" },
      answer: `CORS_ORIGINS: ${shown} a name with * matches nothing: list each origin, or give * alone for all`,
    },
    {
      mistake: "the wrong broker of twenty",
      environment: { KAFKA_BROKERS: Array.from({ length: 20 }, (_, at) => `b${at}:${at === 6 ? 0 : 9092}`).join(",") },
      answer: `KAFKA_BROKERS: ${shown} is not host:port with a port from 1 to 65535 (entry 7 of 20); ${shown}`,
    },
    {
      mistake: "a broker as a URL",
      environment: { KAFKA_BROKERS: "kafka://broker:9092" },
      answer: `KAFKA_BROKERS: ${shown} is not host:port with a port from 1 to 65535; leave out what is before ${shown}, and set KAFKA_SSL=true for TLS`,
    },
    {
      mistake: "an issuer without its audience",
      environment: { AUTH_ISSUER: "https://issuer.example", AUTH_JWKS_URL: "https://issuer.example/keys", ...dataDir },
      answer: "AUTH_AUDIENCE: must be set together with AUTH_ISSUER: a token for another service is not for this one",
    },
    {
      mistake: "an issuer without its keys",
      environment: issuer,
      answer: "AUTH_JWKS_URL: must be set together with AUTH_ISSUER: where the issuer publishes its keys",
    },
    {
      mistake: "an egress rule that cannot be read",
      environment: { EGRESS_DENY: "10.0.0.0/33" },
      answer: `EGRESS_DENY: ${shown} the prefix length is above 32`,
    },
    {
      mistake: "a number that is too large",
      environment: { TESTS_MAX: "1001" },
      answer: "TESTS_MAX: must be a whole number from 1 to 1000",
    },
  ];
}

/** What is printed for an answer: `…` matches anything within the line. */
export function patternOf(answer: string): RegExp {
  return new RegExp(`^ {2}- ${answer.split(shown).map(RegExp.escape).join(".+")}$`, "m");
}
