import { createEncoder } from "../load/encode-request.ts";
import { decodeHeaders } from "../load/hpack.ts";
import { type Method, methodPath } from "../load/method-path.ts";
import { type Http2, openHttp2 } from "../load/open-http2.ts";

/** Calls to be made over gRPC, half creates and half reads. */
export interface Offer {
  readonly port: number;
  /** How many calls a connection of that port takes at a time. */
  readonly maxStreams: number;
  readonly token: string;
  /** What GetConnection asks for in turn. */
  readonly ids: readonly string[];
  /** So many a second, whether earlier ones are answered or not; without it each of `callers` asks again when it is answered. */
  readonly perSecond?: number;
  readonly callers: number;
  readonly seconds: number;
}

/** What became of them. */
export interface Offered {
  readonly seconds: number;
  /** As many were made. */
  readonly calls: number;
  /** OK within a second. */
  readonly good: number;
  /** OK, but later. */
  readonly late: number;
  /** RESOURCE_EXHAUSTED. */
  readonly refused: number;
  /** Anything else, never answered, or not sent because a connection has too many that are not. */
  readonly failed: number;
  /** Of those that were OK, in milliseconds. */
  readonly p99: number;
}

const goodMs = 1000;
/** By then a caller has given up; the server is told so. */
const deadline = "2S";
const tickMs = 5;
const lanesPerMethod = 4;

export async function offer({ port, maxStreams, token, ids, perSecond, callers, seconds }: Offer): Promise<Offered> {
  const lanes = await openLanes(port, token, ids);
  const counts = { calls: 0, good: 0, late: 0, refused: 0, failed: 0 };
  const times: number[] = [];
  let turn = 0;
  const call = async () => {
    const lane = lanes[turn++ % lanes.length] as Lane;
    const { connection, encode } = lane;
    counts.calls += 1;
    // What a connection does not take waits in its client, until that gives up.
    if (lane.running >= maxStreams) {
      counts.failed += 1;
      return;
    }
    lane.running += 1;
    const asked = performance.now();
    const status = await connection.ask(encode()).then(statusOf, () => "");
    lane.running -= 1;
    const ms = performance.now() - asked;
    if (status === "0") {
      times.push(ms);
      counts[ms <= goodMs ? "good" : "late"] += 1;
    } else counts[status === "8" ? "refused" : "failed"] += 1;
  };
  const began = performance.now();
  const until = began + seconds * 1000;
  if (perSecond === undefined) {
    const loop = async () => {
      while (performance.now() < until) await call();
    };
    await Promise.all(Array.from({ length: callers }, loop));
  } else {
    while (performance.now() < until) {
      const due = ((performance.now() - began) * perSecond) / 1000;
      while (counts.calls < due) void call();
      await new Promise((resolve) => setTimeout(resolve, tickMs));
    }
    await new Promise((resolve) => setTimeout(resolve, 3000)); // for the answers that are on their way
  }
  for (const { connection } of lanes) connection.close();
  const unanswered = counts.calls - counts.good - counts.late - counts.refused - counts.failed;
  const sorted = times.toSorted((one, other) => one - other);
  const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
  return { seconds, ...counts, failed: counts.failed + unanswered, p99 };
}

interface Lane {
  running: number;
  readonly connection: Http2;
  readonly encode: () => Buffer;
}

async function openLanes(port: number, token: string, ids: readonly string[]): Promise<Lane[]> {
  const methods: Method[] = ["CreateConnection", "GetConnection"];
  const lanes = Array.from({ length: lanesPerMethod }, () => methods).flat();
  return Promise.all(
    lanes.map(async (method) => {
      const encode = createEncoder({ protocol: "grpc", port, method, callers: 1, ids });
      const connection = await openHttp2(port, [
        [":method", "POST"],
        [":scheme", "http"],
        [":path", methodPath(method)],
        [":authority", `127.0.0.1:${port}`],
        ["content-type", "application/grpc"],
        ["te", "trailers"],
        ["grpc-timeout", deadline],
        ["authorization", `Bearer ${token}`],
      ]);
      return { running: 0, connection, encode: () => frameOf(encode()) };
    }),
  );
}

function frameOf(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

let good: Buffer | undefined;

function statusOf({ trailers }: { trailers: Buffer }): string {
  if (good?.equals(trailers) === true) return "0";
  const status = decodeHeaders(trailers).get("grpc-status") ?? "";
  if (status === "0") good = trailers;
  return status;
}
