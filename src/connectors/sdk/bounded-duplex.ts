import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { errorCode } from "./translate-error.ts";

/** What client libraries call on a socket beside reading and writing. */
export interface BoundedDuplex extends Duplex {
  /** Emits `connect` once the socket is there; where to is decided already. */
  connect(): this;
  setNoDelay(): this;
  setKeepAlive(): this;
  ref(): this;
  unref(): this;
}

export interface BoundedDuplexOptions {
  /**
   * Says whether the first bytes can be the protocol at all; else the stream fails with `ERR_WRONG_PROTOCOL`. What it throws
   * is what the stream fails with.
   */
  isProtocol(firstBytes: Buffer): boolean;
  /** How many first bytes `isProtocol` needs; the library gets nothing before they are there. */
  readonly headLength: number;
  onConnect?(): void;
}

/** More than a test has use for: the answer of a cluster with tens of thousands of topics stays below it. */
const maxBytes = 32 * 1024 * 1024;

/**
 * Hands a socket that our dialer opens to a library that wants to open its own. The library gets an error of the
 * opening, and of a socket that closes, as an `error` event: the only thing that makes all of them clean up.
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
    // With TLS 1.3 a server refuses a client's certificate only after the handshake: the socket knows of it, nobody else.
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

/** What a library throws while it reads what arrives, such as a message that is too short, ends the stream and not the thread. */
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
