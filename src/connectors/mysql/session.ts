import type { Socket } from "node:net";
import { createConnection } from "mysql2";
import type { MysqlConfig } from "../../../gen/connectory/v1/mysql_config_pb.js";
import { boundedDuplex } from "../sdk/bounded-duplex.ts";
import { authPlugins } from "./auth-plugins.ts";
import { greetingInTls, isGreeting } from "./greeting.ts";
import { startTls } from "./start-tls.ts";

/** A mysql2 client without a socket of its own. Its promises reject with the errors of mysql2 or of the stream. */
export interface MysqlClient {
  /** The plaintext exchange before TLS, for `Endpoint.beforeTls`. */
  beforeTls(socket: Socket, signal: AbortSignal): Promise<void>;
  /** Logs in on this socket, and selects the database. */
  logIn(socket: Socket): Promise<void>;
  query(sql: string, values?: readonly string[]): Promise<readonly Row[]>;
  close(): void;
}

export type Row = Readonly<Record<string, unknown>>;

export function openSession({ username, password, database, tls }: MysqlConfig): MysqlClient {
  const { promise: opening, resolve: hand } = Promise.withResolvers<Socket>();
  const stream = boundedDuplex(opening, { isProtocol: isGreeting, headLength: 5 });
  const connection = createConnection({
    stream: () => stream,
    user: username,
    password,
    database,
    // The library does not open TLS; the flag only declares it.
    flags: ["-LOCAL_FILES", "-ODBC", "-CONNECT_ATTRS", ...(tls === undefined ? [] : ["SSL"])],
    authPlugins: authPlugins(password, tls !== undefined),
    connectTimeout: 0,
    // Otherwise the library compiles code from column names, which the server chooses.
    disableEval: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
  });
  const { promise: connected, resolve, reject } = Promise.withResolvers<void>();
  connected.catch(() => undefined);
  connection.once("connect", () => resolve());
  connection.on("error", (error: unknown) => {
    reject(error);
    stream.destroy();
  });
  // mysql2 continues after a message with a wrong sequence number, with only a warning.
  connection.on("warn", (error: Error) => stream.destroy(error));
  let greeting: Buffer | undefined;
  return {
    beforeTls: async (socket, signal) => {
      const { clientFlags } = Reflect.get(connection, "config") as { clientFlags: number };
      greeting = await startTls(socket, signal, clientFlags);
    },
    logIn: (socket) => {
      if (greeting !== undefined) {
        // The library did not send the TLS request, which has the sequence number 1.
        Reflect.set(connection, "sequenceId", 1);
        socket.unshift(greetingInTls(greeting));
      }
      hand(socket);
      return connected;
    },
    query: (sql, values) =>
      new Promise((answer, fail) => {
        const done = (error: unknown, rows: unknown) => (Array.isArray(rows) ? answer(rows) : fail(error ?? noRows()));
        if (values === undefined) connection.query(sql, done);
        else connection.execute(sql, [...values], done);
      }),
    close: () => {
      connection.destroy();
      stream.destroy();
    },
  };
}

function noRows(): Error {
  return new Error("not the answer to a query");
}
