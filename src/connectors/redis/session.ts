import type { Socket } from "node:net";
import { AbstractConnector, Redis } from "ioredis";
import { type BoundedDuplex, boundedDuplex } from "../sdk/bounded-duplex.ts";
import { limitReplySize } from "./limit-reply-size.ts";
import { rejectUnsolicitedReplies } from "./reject-unsolicited-replies.ts";

/** A connection to a server that ioredis speaks on. */
export interface RedisClient {
  /** The answer to one command. Rejects with ioredis's ReplyError, or with why the connection has ended. */
  ask(command: string, ...args: readonly (string | number)[]): Promise<unknown>;
  close(): void;
}

/**
 * An ioredis client that opens no socket of its own, tries nothing twice and says nothing that it is not asked to say: no
 * log-in either, whose refusals ioredis writes to the console where they should be errors.
 */
export function openSession(socket: Socket): RedisClient {
  const stream = boundedDuplex(Promise.resolve(socket), { isProtocol: isRedisAnswer, headLength: 1 });
  const isAdmitted = limitReplySize();
  // Prepended, so that it comes before the library's, and does not set the data flowing.
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
  // After the end ioredis says of every command only that the connection is closed: the first error says why.
  let ended: unknown;
  client.on("error", (error: unknown) => {
    ended ??= error;
    stream.destroy();
  });
  // It has made its queue by then, and has decoded nothing.
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

/** ioredis makes its connector itself, from a class. */
function connectorOf(stream: BoundedDuplex): new (options: unknown) => AbstractConnector {
  return class extends AbstractConnector {
    constructor() {
      super(0);
    }
    override async connect() {
      // ioredis declares a net.Socket and uses what BoundedDuplex has.
      return stream as unknown as Socket;
    }
    override disconnect(): void {
      stream.destroy();
    }
  };
}

/** The five types of RESP2; other systems greet with letters, or with a length of several bytes. */
function isRedisAnswer(firstBytes: Buffer): boolean {
  return "+-:$*".includes(String.fromCharCode(firstBytes[0] ?? 0));
}
