import type { Socket } from "node:net";
import { Client, type ClientConfig } from "pg";
import { type BoundedDuplex, boundedDuplex } from "../sdk/bounded-duplex.ts";
import { ProbeError } from "../sdk/connector.ts";

export interface PostgresClient {
  connect(): Promise<void>;
  query(sql: string, values?: readonly string[]): Promise<readonly Row[]>;
  close(): void;
}

interface Login {
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export type Row = Readonly<Record<string, unknown>>;

/** A pg client on a socket of ours. Its promises reject with pg's errors, or with the stream's. */
export function openSession(
  socket: Socket,
  { encrypted, ...login }: Login & { readonly encrypted: boolean },
): PostgresClient {
  const isProtocol = (head: Buffer) => isPostgresAnswer(head) && isMethodAccepted(head, encrypted);
  const stream = boundedDuplex(Promise.resolve(socket), { isProtocol, headLength: 9 });
  const client = clientOf({ ...login, stream: () => stream });
  // After a failed log-in pg repeats its error as an event; the step has recorded it.
  client.on("error", () => stream.destroy());
  return {
    connect: async () => {
      await client.connect();
    },
    query: async (sql, values = []) => {
      const { rows } = await client.query<Row>(sql, [...values]);
      // pg makes a list of results of an answer that has several.
      if (!Array.isArray(rows)) throw Object.assign(new Error("several answers"), { code: "ERR_WRONG_PROTOCOL" });
      return rows;
    },
    close: () => stream.destroy(),
  };
}

/** A client that takes everything from its arguments: pg would fill what is missing from PG* variables of this process. */
function clientOf(own: { user: string; password: string; database: string; stream: () => BoundedDuplex }): Client {
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

/** What a server asks for after `R`: 3 the password in clear, 5 a hash of it that is hardly better, 10 SCRAM. */
const accepted = [0, 3, 5, 10];
const inClear = 3;

/** Throws a ProbeError for a log-in that pg does not know, and for one that would give the password to whoever listens. */
function isMethodAccepted(head: Buffer, encrypted: boolean): boolean {
  if (String.fromCharCode(head[0] ?? 0) !== "R") return true;
  const method = head.readInt32BE(5);
  if (!accepted.includes(method))
    throw new ProbeError(
      "AUTH_METHOD_UNSUPPORTED",
      "the server wants a log-in by other means than a password, such as Kerberos: look at its pg_hba.conf",
      "username",
    );
  if (method === inClear && !encrypted)
    throw new ProbeError(
      "TLS_REQUIRED",
      "the server asks for the password in clear: give tls, or let the server ask for SCRAM",
      "tls",
    );
  return true;
}
