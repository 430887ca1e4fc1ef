import type { Socket } from "node:net";
import { AbstractConnector, Redis } from "ioredis";
import { type BoundedDuplex, boundedDuplex } from "../sdk/bounded-duplex.ts";
import { limitReplySize } from "./limit-reply-size.ts";
import { rejectUnsolicitedReplies } from "./reject-unsolicited-replies.ts";

/** A connection to a server through ioredis. */
export interface RedisClient {
  /** Returns the reply to one command. Rejects with ioredis's ReplyError, or with the reason for the end of the connection. */
  ask(command: string, ...args: readonly (string | number)[]): Promise<unknown>;
  close(): void;
}

/**
 * Returns an ioredis client on an open socket. It does not retry, and sends no commands of its own, not even a log-in, whose
 * rejection ioredis would print to the console instead of returning it.
 */
export function openSession(socket: Socket): RedisClient {
  const stream = boundedDuplex(Promise.resolve(socket), { isProtocol: isRedisAnswer, headLength: 1 });
  const isAdmitted = limitReplySize();
  // Prepended, so that it runs before the library's listener without starting the data flow.
  socket.prependListener("data", (chunk: Buffer) => {
    if (!isAdmitted(chunk)) stream.destroy(wrongProtocol());
  });
  const client = new Redis({
    Connector: connectorOf(stream),
    lazyConnect: true,
    protocol: 2,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    disableClientInfo: true,
    retryStrategy: null,
    maxRetriesPerRequest: null,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    connectTimeout: 0,
  });
  // After the end ioredis rejects each command with only a closed connection; the first error has the reason.
  let ended: unknown;
  client.on("error", (error: unknown) => {
    ended ??= error;
    stream.destroy();
  });
  // At this event the queue exists and no reply has been decoded.
  client.once("connect", () =>
    rejectUnsolicitedReplies(client.commandQueue, (reply) => {
      ended ??= reply ?? wrongProtocol();
      stream.destroy();
    }),
  );
  const ready = client.connect();
  ready.catch(() => undefined);
  return {
    ask: async (command, ...args) => {
      try {
        await ready;
        return await client.call(command, ...args);
      } catch (error) {
        if (error instanceof Error && error.name === "ReplyError") throw error;
        throw ended ?? Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" });
      }
    },
    close: () => client.disconnect(),
  };
}

function wrongProtocol(): Error {
  return Object.assign(new Error("not an answer"), { code: "ERR_WRONG_PROTOCOL" });
}

/** ioredis creates its connector itself, from a class. */
function connectorOf(stream: BoundedDuplex): new (options: unknown) => AbstractConnector {
  return class extends AbstractConnector {
    constructor() {
      super(0);
    }
    override async connect() {
      // ioredis declares a net.Socket, but uses only the members of BoundedDuplex.
      return stream as unknown as Socket;
    }
    override disconnect(): void {
      stream.destroy();
    }
  };
}

/**
 * Returns true for one of the five types of RESP2; greetings of other systems begin with letters, or with a length of several
 * bytes.
 */
function isRedisAnswer(firstBytes: Buffer): boolean {
  return "+-:$*".includes(String.fromCharCode(firstBytes[0] ?? 0));
}
