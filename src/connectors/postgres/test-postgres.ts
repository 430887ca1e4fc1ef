import { Client, type ClientConfig } from "pg";
import type { PostgresConfig } from "../../../gen/connectory/v1/postgres_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { endpointName, type Probe, type Step } from "../connector.ts";
import { type LibraryStream, libraryStream } from "../library-stream.ts";
import { postgresAddress } from "./postgres-address.ts";
import { requestTls } from "./request-tls.ts";
import { translatePostgresError } from "./translate-postgres-error.ts";

interface ServerFacts {
  server_version: string;
  current_user: string;
  current_database: string;
  is_in_recovery: boolean;
}

const readFacts = `
  select current_setting('server_version') as server_version, current_user::text, current_database()::text,
    pg_is_in_recovery() as is_in_recovery`;

/** Logs in to the database and reads who and what it is; writes nothing. */
export async function testPostgres(config: PostgresConfig, probe: Probe): Promise<void> {
  const { host, port, database } = postgresAddress(config);
  const endpoint = endpointName({ host, port });
  const step = (stage: TestStage, field: string): Step => ({
    stage,
    endpoint,
    field,
    translate: translatePostgresError,
  });

  const socket = await probe.open({ host, port, field: "host", tls: config.tls, beforeTls: requestTls });
  const stream = libraryStream(Promise.resolve(socket), { isProtocol: isPostgresAnswer, headLength: 5 });
  const client = openClient({ user: config.username, password: config.password, database, stream: () => stream });
  // After a failed log-in pg repeats its error as an event; the step below has recorded it.
  client.on("error", () => stream.destroy());
  try {
    await probe.step(step(TestStage.AUTHENTICATE, "username"), () => client.connect());
    const { rows } = await probe.step(step(TestStage.CAPABILITY, "database"), () =>
      client.query<ServerFacts>(readFacts),
    );
    for (const [name, value] of Object.entries(rows[0] ?? {})) probe.fact(name, String(value));
  } finally {
    stream.destroy();
  }
}

/** A client that takes everything from its arguments: pg would fill what is missing from PG* variables of this process. */
function openClient(own: { user: string; password: string; database: string; stream: () => LibraryStream }): Client {
  const client = new Client({
    ...own,
    // An empty text would be taken for "not given" and be followed by PGPASSWORD and ~/.pgpass.
    password: async () => own.password,
    // Where to, and TLS, the stream has done.
    host: "connected",
    port: 1,
    ssl: false,
    sslnegotiation: "postgres",
    application_name: "connectory test",
    client_encoding: "UTF8",
  } as ClientConfig);
  // These two have no value of their own that pg would take for one.
  const parameters = Reflect.get(client, "connectionParameters") as Record<"options" | "replication", unknown>;
  parameters.options = undefined;
  parameters.replication = undefined;
  return client;
}

/**
 * The first message of a server is a request to log in, an error or a version it would speak; it is short. libpq
 * draws the same line (30 000 bytes). Other protocols' greetings read as lengths of about a gigabyte.
 */
function isPostgresAnswer(firstBytes: Buffer): boolean {
  const type = String.fromCharCode(firstBytes[0] ?? 0);
  return ["R", "E", "v"].includes(type) && firstBytes.readUInt32BE(1) < 30_000;
}
