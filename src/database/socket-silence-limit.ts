import { Socket } from "node:net";

/** Sockets to a database that are destroyed when nothing has moved on them for too long. */
export interface SilenceLimit {
  /** A socket that has the limit, to be connected by whoever takes it. */
  open(): Socket;
  /** Another limit from now on, in milliseconds, for the open sockets too. */
  change(limitMs: number): void;
}

/**
 * A little more than `statement_timeout` of `openKnex`: a server that works answers before, if only to say that it has
 * cancelled the statement. So what is silent for longer is frozen or cut off, and waiting on would never end.
 */
const defaultLimitMs = 35_000;

/**
 * The limit is of the socket and not of a statement, as pg's `query_timeout` is: that one leaves the connection open and in the
 * pool, and does not hold for what is not a statement of ours, such as the first words of a connection. A socket's timeout costs
 * a statement nothing. 0 is no limit, for what may rightly take long.
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
