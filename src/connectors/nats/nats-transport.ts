import type { Duplex } from "node:stream";
import {
  type ConnectionOptions,
  Kind,
  Parser,
  type ParserEvent,
  PermissionViolationError,
  type Transport,
} from "@nats-io/nats-core/internal";
import { errorCode } from "../sdk/translate-error.ts";
import { parseGreeting } from "./read-greeting.ts";

/** The options of a connection over an open stream. */
export interface NatsStreamOptions extends ConnectionOptions {
  readonly stream: Duplex;
  /** The bytes that the server sent before the stream was passed on. */
  readonly greeting: Buffer;
  /** Called with each permission violation, before later data of the server is passed on. */
  onViolation(violation: PermissionViolationError): void;
}

/**
 * Returns the library's transport over such a stream. Only data that its parser accepts is passed on, because the library
 * prints the rest.
 */
export function natsTransport(): Transport {
  const { promise: ended, resolve: end } = Promise.withResolvers<undefined | Error>();
  let onViolation: NatsStreamOptions["onViolation"] = () => {};
  const parser = new Parser({
    push: ({ kind, data = new Uint8Array() }: ParserEvent) => {
      // The server sends another greeting after each change of the cluster.
      if (kind === Kind.INFO) parseGreeting(Buffer.concat([Buffer.from("INFO "), data]));
      const violation = kind === Kind.ERR ? PermissionViolationError.parse(Buffer.from(data).toString()) : null;
      if (violation !== null) onViolation(violation);
    },
  });
  const chunks: Uint8Array[] = [];
  let stream: Duplex | undefined;
  let isClosed = false;
  let wake = () => {};
  const finish = (error?: Error) => {
    if (isClosed) return;
    isClosed = true;
    if (error !== undefined) transport.closeError = error;
    stream?.destroy();
    wake();
  };
  const receive = (chunk: Uint8Array) => {
    try {
      parser.parse(chunk);
    } catch {
      return finish(Object.assign(new Error("ERR_WRONG_PROTOCOL"), { code: "ERR_WRONG_PROTOCOL" }));
    }
    chunks.push(chunk);
    wake();
  };
  const stop = () => {
    finish();
    end(transport.closeError);
  };
  const transport: Transport & { closeError?: Error } = {
    lang: "connectory",
    version: "1.0.0",
    get isClosed() {
      return isClosed;
    },
    connect: async (_server, options) => {
      const given = options as NatsStreamOptions;
      ({ stream, onViolation } = given);
      // A server sends an error before it closes the connection; the library then knows the reason better than the stream.
      stream.on("error", (error) => finish(errorCode(error) === "ECONNRESET" ? undefined : error));
      stream.on("close", () => finish());
      receive(given.greeting);
      stream.on("data", receive);
      if (stream.destroyed) finish();
    },
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) yield chunk;
          if (isClosed) return;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        // Stopped only now: the last data has the reason for the end of the connection.
        stop();
      }
    },
    // The stream has TLS already.
    isEncrypted: () => false,
    send: (frame) => void stream?.write(frame),
    close: async () => stop(),
    disconnect: stop,
    discard: stop,
    closed: () => ended,
  };
  return transport;
}
