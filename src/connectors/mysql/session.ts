import type { Socket } from "node:net";
import { createConnection } from "mysql2";
import type { MysqlConfig } from "../../../gen/connectory/v1/mysql_config_pb.js";
import { boundedDuplex } from "../sdk/bounded-duplex.ts";
import { authPlugins } from "./auth-plugins.ts";
import { greetingInTls, isGreeting } from "./greeting.ts";
import { startTls } from "./start-tls.ts";

/** A mysql2 client that waits for a socket of ours. Its promises reject with mysql2's errors, or with the stream's. */
export interface MysqlClient {
  /** What the protocol says before TLS begins: for `Endpoint.beforeTls`. */
  beforeTls(socket: Socket, signal: AbortSignal): Promise<void>;
  /** Logs in on this socket, and chooses the database. */
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
    // TLS is not the library's: it only says that it is there.
    flags: ["-LOCAL_FILES", "-ODBC", "-CONNECT_ATTRS", ...(tls === undefined ? [] : ["SSL"])],
    authPlugins: authPlugins(password, tls !== undefined),
    connectTimeout: 0,
    // It would compile code from the names of columns, which the server chooses.
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
  // mysql2 goes on after a message with a wrong number, and tells the console.
  connection.on("warn", (error: Error) => stream.destroy(error));
  let greeting: Buffer | undefined;
  return {
    beforeTls: async (socket, signal) => {
      const { clientFlags } = Reflect.get(connection, "config") as { clientFlags: number };
      greeting = await startTls(socket, signal, clientFlags);
    },
    logIn: (socket) => {
      if (greeting !== undefined) {
        // The library has sent nothing yet, and does not know of the request for TLS, which has the number 1.
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
