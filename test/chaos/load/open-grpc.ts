import { type ClientHttp2Session, connect } from "node:http2";

/** A gRPC caller that knows of HTTP/2 alone, so that what it reports is what the server said and not what a library made of it. */
export interface GrpcConnection {
  /** Calls an RPC. Resolves when the stream has ended, in whatever way; each message is handed over as it comes. */
  run(options: GrpcCall): Promise<GrpcEnd>;
  close(): void;
}

export interface GrpcCall {
  readonly path: string;
  readonly token: string;
  readonly message: Uint8Array;
  readonly signal: AbortSignal;
  /** In the form of the header `grpc-timeout`. */
  readonly timeout?: string;
  readonly onMessage: (message: Uint8Array) => void;
}

export interface GrpcEnd {
  /** `grpc-status`; undefined when the stream ended without one. */
  readonly status: number | undefined;
  readonly message: string;
  /** `grpc-status-details-bin`, decoded from base64. */
  readonly details: Uint8Array;
}

/** Opens a connection when it is needed, and again when it has broken. */
export function openGrpc(address: string): GrpcConnection {
  let session: ClientHttp2Session | undefined;
  const sessionOf = () => {
    if (session === undefined || session.destroyed || session.closed) {
      const opened = connect(`http://${address}`);
      opened.on("error", () => opened.destroy());
      session = opened;
    }
    return session;
  };
  return {
    async run(call) {
      const used = sessionOf();
      const end = await runStream(used, call);
      // A server that is frozen has the connection too: the next call gets one of its own.
      if (end.status === undefined) used.destroy();
      return end;
    },
    close: () => session?.destroy(),
  };
}

function runStream(session: ClientHttp2Session, options: GrpcCall): Promise<GrpcEnd> {
  const { promise, resolve } = Promise.withResolvers<GrpcEnd>();
  const stream = session.request(
    {
      ":method": "POST",
      ":path": options.path,
      "content-type": "application/grpc",
      te: "trailers",
      authorization: `Bearer ${options.token}`,
      ...(options.timeout === undefined ? {} : { "grpc-timeout": options.timeout }),
    },
    { signal: options.signal },
  );
  let end: GrpcEnd = { status: undefined, message: "", details: new Uint8Array() };
  let why = "the stream was closed";
  const readStatus = (headers: Readonly<Record<string, string | string[] | undefined>>) => {
    if (headers["grpc-status"] === undefined) return;
    end = {
      status: Number(headers["grpc-status"]),
      message: decodeURIComponent(String(headers["grpc-message"] ?? "")),
      details: Buffer.from(String(headers["grpc-status-details-bin"] ?? ""), "base64"),
    };
  };
  stream.on("response", readStatus);
  stream.on("trailers", readStatus);
  stream.on("data", eachMessage(options.onMessage));
  stream.on("error", (error) => {
    why = error.message;
  });
  stream.once("close", () => resolve(end.status === undefined ? { ...end, message: why } : end));
  const frame = Buffer.alloc(5 + options.message.length);
  frame.writeUInt32BE(options.message.length, 1);
  frame.set(options.message, 5);
  stream.end(frame);
  return promise;
}

/** A message has five bytes in front: a flag, which is 0 because nothing is compressed here, and its length. */
function eachMessage(take: (message: Uint8Array) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const size = 5 + rest.readUInt32BE(1);
      take(rest.subarray(5, size));
      rest = rest.subarray(size);
    }
  };
}
