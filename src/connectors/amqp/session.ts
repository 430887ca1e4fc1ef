import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type ChannelModel, credentials } from "amqplib";
import type { BoundedDuplex } from "../sdk/bounded-duplex.ts";
import { errorCode } from "../sdk/translate-error.ts";

export interface SessionOptions {
  /** Not connected yet; TLS, where that is wanted, is done below it. */
  readonly stream: BoundedDuplex;
  readonly username: string;
  readonly password: string;
  readonly virtualHost: string;
}

/** What the log-in had come to when it failed; `closed` is what the broker said when it closed the connection. */
export interface AmqpProgress {
  readonly greeted: boolean;
  readonly loggedIn: boolean;
  readonly closed: { readonly replyCode: number; readonly replyText: string } | undefined;
}

/** Why a connection could not be opened; amqplib's error is its cause, and its code is that one's or empty. */
export interface AmqpOpenError extends Error {
  readonly code: string;
  readonly progress: AmqpProgress;
}

interface Frame {
  readonly id?: number;
  readonly fields?: AmqpProgress["closed"];
}

/** The part of amqplib's Connection that is used here. */
interface Connection {
  on(event: "error", listener: (error: Error) => void): void;
  open(fields: Readonly<Record<string, unknown>>, done: (error: Error | null) => void): void;
  recvFrame(): Frame | false;
}

/**
 * amqplib's own `connect` dials by itself, and there is no way to hand it a socket; the class that `connect` uses takes
 * any stream. The package exports neither that class nor its file, so they are taken by path. A test holds that they
 * are what this file takes them for.
 */
const require = createRequire(import.meta.url);
const lib = join(dirname(require.resolve("amqplib")), "lib");
const internals: {
  readonly Connection: new (stream: BoundedDuplex) => Connection;
  readonly ChannelModel: new (connection: Connection) => ChannelModel;
} = { ...require(join(lib, "connection.js")), ...require(join(lib, "channel_model.js")) };

/** Class and method of the frames by which a log-in goes on: 10 is `connection`. */
const start = (10 << 16) + 10;
const tune = (10 << 16) + 30;
const close = (10 << 16) + 50;

/** The payload of a frame that a test has use for is far smaller; RabbitMQ's own default. */
const frameMax = 131_072;

/**
 * Logs in and opens the virtual host; no heartbeats, no reconnecting. Rejects with an `AmqpOpenError`. Whoever gets the
 * connection must listen to its errors.
 */
export async function openSession(options: SessionOptions): Promise<ChannelModel> {
  const { stream } = options;
  const connection = new internals.Connection(stream);
  // Errors between the end of the log-in and the first listener of the caller: the stream fails with them.
  connection.on("error", () => {});
  const progress = watchFrames(connection);
  try {
    // amqplib takes its stream for connected.
    await once(stream, "connect");
    await promisify(connection.open.bind(connection))(openFields(options));
    return new internals.ChannelModel(connection);
  } catch (error) {
    const failed = new Error("the connection could not be opened", { cause: error });
    throw Object.assign(failed, { code: errorCode(error), progress: progress() });
  }
}

/** amqplib's errors say in words where a log-in failed, and not at all why a virtual host was refused: the frames do. */
function watchFrames(connection: Connection): () => AmqpProgress {
  const seen = new Map<number | undefined, Frame>();
  const receive = connection.recvFrame.bind(connection);
  connection.recvFrame = () => {
    const frame = receive();
    if (frame !== false && seen.size < 3) seen.set(frame.id, frame);
    return frame;
  };
  return () => ({ greeted: seen.has(start), loggedIn: seen.has(tune), closed: seen.get(close)?.fields });
}

/** What amqplib's `connect` makes of its URL and options. */
function openFields({ username, password, virtualHost }: SessionOptions) {
  const { mechanism, response } = credentials.plain(username, password);
  return {
    clientProperties: {
      product: "Connectory",
      connection_name: "connectory test",
      // Without it a broker hangs up on a wrong password instead of saying so.
      capabilities: { authentication_failure_close: true },
    },
    mechanism,
    response: response(),
    locale: "en_US",
    channelMax: 1,
    frameMax,
    maxFrameSize: frameMax,
    heartbeat: 0,
    virtualHost,
    capabilities: "",
    insist: 0,
  };
}
