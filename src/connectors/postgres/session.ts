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

/** Returns a pg client on an open socket. Its promises reject with the errors of pg or of the stream. */
export function openSession(
  socket: Socket,
  { encrypted, ...login }: Login & { readonly encrypted: boolean },
): PostgresClient {
  const isProtocol = (head: Buffer) => isPostgresAnswer(head) && isMethodAccepted(head, encrypted);
  const stream = boundedDuplex(Promise.resolve(socket), { isProtocol, headLength: 9 });
  const client = clientOf({ ...login, stream: () => stream });
  // After a failed log-in pg emits its error again; the step has recorded it.
  client.on("error", () => stream.destroy());
  return {
    connect: async () => {
      await client.connect();
    },
    query: async (sql, values = []) => {
      const { rows } = await client.query<Row>(sql, [...values]);
      // pg returns an array of results for several statements.
      if (!Array.isArray(rows)) throw Object.assign(new Error("several answers"), { code: "ERR_WRONG_PROTOCOL" });
      return rows;
    },
    close: () => stream.destroy(),
  };
}

/** Returns a client with all parameters set: pg would fill missing ones from the PG* variables of this process. */
function clientOf(own: { user: string; password: string; database: string; stream: () => BoundedDuplex }): Client {
  const client = new Client({
    ...own,
    // pg treats an empty password as absent, and would read PGPASSWORD and ~/.pgpass.
    password: async () => own.password,
    // The stream is connected and encrypted already.
    host: "connected",
    port: 1,
    ssl: false,
    sslnegotiation: "postgres",
    application_name: "connectory test",
    client_encoding: "UTF8",
  } as ClientConfig);
  // No value of these two counts as set for pg, so they are cleared here.
  const parameters = Reflect.get(client, "connectionParameters") as Record<"options" | "replication", unknown>;
  parameters.options = undefined;
  parameters.replication = undefined;
  return client;
}

/**
 * Returns true when the first bytes can be a server's first message: a request to log in, an error or a supported version. It
 * is short; the limit of 30 000 bytes is that of libpq. Greetings of other protocols parse as lengths of about a gigabyte.
 */
function isPostgresAnswer(firstBytes: Buffer): boolean {
  const type = String.fromCharCode(firstBytes[0] ?? 0);
  return ["R", "E", "v"].includes(type) && firstBytes.readUInt32BE(1) < 30_000;
}

/**
 * The accepted authentication requests in an `R` message: 0 none, 3 the password in plaintext, 5 its MD5 hash, which is hardly
 * better, 10 SCRAM.
 */
const accepted = [0, 3, 5, 10];
const inClear = 3;

/**
 * Returns true for an accepted log-in method. Throws a ProbeError for one that pg does not support, and for one that would
 * reveal the password on the network.
 */
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
