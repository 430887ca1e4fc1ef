import { Socket } from "node:net";

/** Sockets to a database that are destroyed after too long without data. */
export interface SilenceLimit {
  /** Returns an unconnected socket with the limit. */
  open(): Socket;
  /** Changes the limit, in milliseconds, for the open sockets too. */
  change(limitMs: number): void;
}

/**
 * Slightly more than `statement_timeout` of `openKnex`: a healthy server answers before, at least with the cancellation of the
 * statement. A socket that is silent for longer leads to a frozen or unreachable server.
 */
const defaultLimitMs = 35_000;

/**
 * Returns sockets with a limit of silence in milliseconds (default: 35 000; 0: none, for work that may take long). pg's
 * `query_timeout` limits a statement instead: it leaves the connection open and in the pool, and does not cover other messages,
 * such as those that start a connection. A socket's timeout costs a statement nothing.
 */
export function limitSocketSilence(limitMs = defaultLimitMs): SilenceLimit {
  const sockets = new Set<Socket>();
  let current = limitMs;
  return {
    open: () => {
      const socket = new Socket();
      socket.setTimeout(current);
      socket.on("timeout", () => socket.destroy(new Error(`The database has not answered in ${current} ms`)));
      socket.once("close", () => sockets.delete(socket));
      sockets.add(socket);
      return socket;
    },
    change: (ms) => {
      current = ms;
      for (const socket of sockets) socket.setTimeout(ms);
    },
  };
}
