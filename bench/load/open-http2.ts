import { once } from "node:events";
import { connect } from "node:net";
import { encodeHeaders } from "./hpack.ts";

const frameHead = 9;
const types = { data: 0, headers: 1, resetStream: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const endStream = 0x1;
const endHeaders = 0x4;
const ack = 0x1;
const refused = 0x8 | 0x20; // padding and priority: no server that we drive sends them

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
/**
 * HEADER_TABLE_SIZE 0, so that every header block can be read for itself; ENABLE_PUSH 0; INITIAL_WINDOW_SIZE of the most that the
 * protocol allows, so that a stream needs no WINDOW_UPDATE.
 */
const settings = Buffer.from([0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff]);
/** How many bytes of answers are received before the window of the connection is raised by as many: half of what is open. */
const windowStep = 8 * 1024 * 1024;

/** What came back on a stream. */
export interface Answer {
  /** The last header block: the trailers, or the only one. An answer that ends without one is rejected. */
  readonly trailers: Buffer;
  /** How many bytes of data came before. */
  readonly bytes: number;
}

/** A connection that asks the same question with other bodies. */
export interface Http2 {
  /** Returns the answer; rejects when its stream is reset, and at once when the connection has ended. */
  ask(body: Buffer): Promise<Answer>;
  /** Closes the socket; what has no answer yet is rejected. */
  close(): void;
}

interface Pending {
  bytes: number;
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/**
 * The part of HTTP/2 (RFC 9113) that small unary calls need. node:http2 as a client takes 50 to 100 µs of CPU per call,
 * as much as the servers that it would have to keep busy on the same two cores; this takes a fifth of that.
 */
export async function openHttp2(port: number, headers: readonly (readonly [string, string])[]): Promise<Http2> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const blocks = encodeHeaders(headers);
  const pending = new Map<number, Pending>();
  let nextStream = 1;
  let sendWindow = 65_535;
  let received = 0;
  let ended: Error | undefined;
  let unsent: Buffer[] = [];

  const send = (...frames: Buffer[]) => {
    if (unsent.length === 0) setImmediate(flush);
    unsent.push(...frames);
  };
  // Once for all questions of a turn of the event loop.
  const flush = () => {
    socket.write(Buffer.concat(unsent));
    unsent = [];
  };
  const fail = (error: Error) => {
    ended ??= error;
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };
  const finish = (stream: number, trailers: Buffer) => {
    const { bytes = 0, resolve } = pending.get(stream) ?? {};
    pending.delete(stream);
    resolve?.({ trailers, bytes });
  };
  const failOne = (stream: number, why: string) => {
    pending.get(stream)?.reject(new Error(why));
    pending.delete(stream);
  };
  const receiveData = (flags: number, stream: number, length: number) => {
    const one = pending.get(stream);
    if (one !== undefined) one.bytes += length;
    received += length;
    if (received >= windowStep) {
      send(windowUpdate(received));
      received = 0;
    }
    if ((flags & endStream) !== 0) failOne(stream, "the answer ended without trailers");
  };

  const receive = (type: number, flags: number, stream: number, payload: Buffer) => {
    if (type === types.data) receiveData(flags, stream, payload.length);
    else if (type === types.headers) {
      if ((flags & refused) !== 0 || (flags & endHeaders) === 0)
        fail(new Error("a header block of a kind not read here"));
      else if ((flags & endStream) !== 0) finish(stream, Buffer.from(payload));
    } else if (type === types.windowUpdate) {
      if (stream === 0) sendWindow += payload.readUInt32BE(0);
    } else if (type === types.settings && (flags & ack) === 0) send(frame(types.settings, ack, 0, Buffer.alloc(0)));
    else if (type === types.ping && (flags & ack) === 0) send(frame(types.ping, ack, 0, Buffer.from(payload)));
    else if (type === types.resetStream) failOne(stream, `reset, code ${payload.readUInt32BE(0)}`);
    else if (type === types.goAway) fail(new Error(`the server ended the connection, code ${payload.readUInt32BE(4)}`));
  };
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (bytes.length - at >= frameHead) {
      const end = at + frameHead + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const payload = bytes.subarray(at + frameHead, end);
      receive(bytes.readUInt8(at + 3), bytes.readUInt8(at + 4), bytes.readUInt32BE(at + 5), payload);
      at = end;
    }
    rest = bytes.subarray(at);
  });
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("the server closed the connection")));

  send(preface, frame(types.settings, 0, 0, settings), windowUpdate(2 * windowStep));
  return {
    ask: (body) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) throw ended;
        sendWindow -= body.length;
        if (sendWindow < 0) throw new Error("the server takes no more data: its window is used up");
        const stream = nextStream;
        nextStream += 2;
        pending.set(stream, { bytes: 0, resolve, reject });
        const block = stream === 1 ? blocks.first : blocks.later;
        send(frame(types.headers, endHeaders, stream, block), frame(types.data, endStream, stream, body));
      }),
    close: () => {
      fail(new Error("the connection was closed here"));
      socket.destroy();
    },
  };
}

/** Lets the server send as many bytes more on this connection. */
function windowUpdate(bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(types.windowUpdate, 0, 0, payload);
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(frameHead + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  payload.copy(bytes, frameHead);
  return bytes;
}
