import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { errorCode } from "./translate-error.ts";

/** The socket methods that client libraries call beside reads and writes. */
export interface BoundedDuplex extends Duplex {
  /** Emits `connect` once the socket is connected; its destination is fixed already. */
  connect(): this;
  setNoDelay(): this;
  setKeepAlive(): this;
  ref(): this;
  unref(): this;
}

/** The options of `boundedDuplex`. */
export interface BoundedDuplexOptions {
  /**
   * Returns true when the first bytes can be of the protocol; false fails the stream with `ERR_WRONG_PROTOCOL`, and an
   * exception fails it with that exception.
   */
  isProtocol(firstBytes: Buffer): boolean;
  /** The number of bytes that `isProtocol` needs; the library gets no data before they have arrived. */
  readonly headLength: number;
  /** Called when the socket is connected. Default: none. */
  onConnect?(): void;
}

/**
 * The maximum number of received bytes. A test needs less: the response of a cluster with tens of thousands of topics stays
 * below it.
 */
const maxBytes = 32 * 1024 * 1024;

/**
 * Returns a stream over a socket of the service's dialer, for a library that expects to open its own socket. The library gets
 * the error of the connection attempt and of a closed socket as an `error` event, the only event on which all the libraries
 * clean up. More than 32 MiB fail the stream with `ERR_TOO_MUCH_DATA`.
 */
export function boundedDuplex(opening: Promise<Socket>, options: BoundedDuplexOptions): BoundedDuplex {
  let socket: Socket | undefined;
  let bytes = 0;
  let head = Buffer.alloc(0);
  const stream = new Duplex({
    read: () => void socket?.resume(),
    write: (chunk, _encoding, done) => {
      if (socket?.writable) socket.write(chunk, done);
      else done(closed());
    },
    final: (done) => {
      socket?.end();
      done();
    },
    destroy: (error, done) => {
      socket?.destroy();
      done(error);
    },
  });
  const receive = (chunk: Buffer) => {
    const judged = bytes >= options.headLength;
    bytes += chunk.length;
    if (bytes > maxBytes) return void stream.destroy(fault("ERR_TOO_MUCH_DATA"));
    if (judged) return pass(chunk);
    head = Buffer.concat([head, chunk]);
    if (bytes < options.headLength) return;
    const problem = judge(options, head);
    if (problem !== undefined) return void stream.destroy(problem);
    pass(head);
  };
  const pass = (chunk: Buffer) => {
    if (!stream.push(chunk)) socket?.pause();
  };
  const start = (opened: Socket) => {
    if (stream.destroyed) return void opened.destroy();
    socket = opened;
    opened.on("data", receive);
    opened.once("end", () => stream.push(null));
    // With TLS 1.3 a server rejects a client certificate only after the handshake; only the socket has that error.
    const reason = () => (errorCode(opened.errored).startsWith("ERR_SSL_") ? opened.errored : closed());
    opened.once("close", () => stream.destroy(stream.readableEnded ? undefined : (reason() ?? undefined)));
    if (opened.destroyed) return void stream.destroy(closed());
    options.onConnect?.();
    stream.emit("connect");
  };
  opening.then(start, (error) => stream.destroy(error));
  const self = () => library;
  const library: BoundedDuplex = Object.assign(stream, {
    connect: self,
    setNoDelay: self,
    setKeepAlive: self,
    ref: self,
    unref: self,
  });
  return endOnThrow(library);
}

function judge({ isProtocol }: BoundedDuplexOptions, head: Buffer): Error | undefined {
  try {
    return isProtocol(head) ? undefined : fault("ERR_WRONG_PROTOCOL");
  } catch (error) {
    return error instanceof Error ? error : fault("ERR_WRONG_PROTOCOL");
  }
}

/** An exception of a library while it parses input, such as a message that is too short, ends the stream and not the thread. */
function endOnThrow(stream: BoundedDuplex): BoundedDuplex {
  const { emit } = stream;
  stream.emit = (...event: Parameters<typeof emit>) => {
    try {
      return emit.apply(stream, event);
    } catch {
      stream.destroy(fault("ERR_WRONG_PROTOCOL"));
      return true;
    }
  };
  return stream;
}

function closed(): Error {
  return Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" });
}

function fault(code: string): Error {
  return Object.assign(new Error(code), { code });
}
