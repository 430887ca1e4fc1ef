import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type ChannelModel, credentials } from "amqplib";
import type { BoundedDuplex } from "../sdk/bounded-duplex.ts";
import { errorCode } from "../sdk/translate-error.ts";

/** The options of `openSession`. */
export interface SessionOptions {
  /** A stream that is not connected yet, with TLS below it where configured. */
  readonly stream: BoundedDuplex;
  readonly username: string;
  readonly password: string;
  readonly virtualHost: string;
}

/** The progress of a failed log-in; `closed` holds the broker's reason for closing the connection. */
export interface AmqpProgress {
  readonly greeted: boolean;
  readonly loggedIn: boolean;
  readonly closed: { readonly replyCode: number; readonly replyText: string } | undefined;
}

/** The failure to open a connection. Its cause is the error of amqplib, and `code` is that error's code or empty. */
export interface AmqpOpenError extends Error {
  readonly code: string;
  readonly progress: AmqpProgress;
}

interface Frame {
  readonly id?: number;
  readonly fields?: AmqpProgress["closed"];
}

/** The used part of amqplib's Connection. */
interface Connection {
  on(event: "error", listener: (error: Error) => void): void;
  open(fields: Readonly<Record<string, unknown>>, done: (error: Error | null) => void): void;
  recvFrame(): Frame | false;
}

/**
 * amqplib's `connect` dials by itself and accepts no socket; the class that it uses accepts any stream. The package exports
 * neither that class nor its file, so they are loaded by path. A test verifies their shape.
 */
const require = createRequire(import.meta.url);
const lib = join(dirname(require.resolve("amqplib")), "lib");
const internals: {
  readonly Connection: new (stream: BoundedDuplex) => Connection;
  readonly ChannelModel: new (connection: Connection) => ChannelModel;
} = { ...require(join(lib, "connection.js")), ...require(join(lib, "channel_model.js")) };

/** Class and method of the frames of a log-in: 10 is `connection`. */
const start = (10 << 16) + 10;
const tune = (10 << 16) + 30;
const close = (10 << 16) + 50;

/** The maximum frame size, in bytes: the default of RabbitMQ. The frames of a test are far smaller. */
const frameMax = 131_072;

/**
 * Logs in, opens the virtual host and returns the connection, without heartbeats and reconnects. Rejects with an
 * `AmqpOpenError`. The caller must listen to the connection's errors.
 */
export async function openSession(options: SessionOptions): Promise<ChannelModel> {
  const { stream } = options;
  const connection = new internals.Connection(stream);
  // This listener takes errors between the log-in and the caller's first listener; the stream fails with them.
  connection.on("error", () => {});
  const progress = watchFrames(connection);
  try {
    // amqplib expects a connected stream.
    await once(stream, "connect");
    await promisify(connection.open.bind(connection))(openFields(options));
    return new internals.ChannelModel(connection);
  } catch (error) {
    const failed = new Error("the connection could not be opened", { cause: error });
    throw Object.assign(failed, { code: errorCode(error), progress: progress() });
  }
}

/**
 * amqplib's errors name the failed part of a log-in only in their message, and have no reason for a denied virtual host; the
 * frames have both.
 */
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

/** The fields that amqplib's `connect` derives from its URL and options. */
function openFields({ username, password, virtualHost }: SessionOptions) {
  const { mechanism, response } = credentials.plain(username, password);
  return {
    clientProperties: {
      product: "Connectory",
      connection_name: "connectory test",
      // Without this capability a broker closes the connection on a wrong password, without a reason.
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
