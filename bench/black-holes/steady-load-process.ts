import { setTimeout as sleep } from "node:timers/promises";
import { frameOf, openRawGrpc } from "../../test/support/raw-grpc.ts";
import { watchStolenTime } from "./stolen-time.ts";

/** What the process gets on its command line, as JSON. */
export interface SteadyLoadOptions {
  /** `127.0.0.1:port` of the gRPC server. */
  readonly grpcAddress: string;
  readonly token: string;
  /** The path of a unary RPC, such as `/connectory.v1.ConnectionProfileService/GetConnectionProfile`. */
  readonly path: string;
  /** Its request as protobuf, in base64. */
  readonly request: string;
  readonly perSecond: number;
}

/**
 * What the process answers when it is asked (any message): how the calls since the last time went. Latencies count from
 * when a call was due, not from when it was sent: a server that stalls must not slow down the questions.
 */
export interface SteadyLoadReport {
  readonly latenciesMs: number[];
  /** Those of them during which no other machine on the same hardware took a processor. */
  readonly calmMs: number[];
  readonly failed: number;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

const { grpcAddress, token, path, request, perSecond } = JSON.parse(process.argv[2] ?? "") as SteadyLoadOptions;
const frame = frameOf(Buffer.from(request, "base64"));
const grpc = await openRawGrpc(grpcAddress, token);
let calls: Span[] = [];
let failed = 0;
let stolen: Span[] = [];

/** How often is looked whether time was stolen, in milliseconds; the kernel counts it in ticks of 10. */
const lookEveryMs = 50;
const tickMs = 10;
const stolenTime = watchStolenTime();
let lookedAt = performance.now();
setInterval(() => {
  const now = performance.now();
  if (stolenTime() > 0) stolen.push({ from: lookedAt - tickMs, to: now + tickMs });
  lookedAt = now;
}, lookEveryMs);

async function call(due: number): Promise<void> {
  const status = await grpc.call(path, frame);
  if (status === "0") calls.push({ from: due, to: performance.now() });
  else failed += 1;
}

process.on("message", () => {
  const isCalm = ({ from, to }: Span) => !stolen.some((span) => span.from < to && span.to > from);
  const lengths = (spans: readonly Span[]) => spans.map(({ from, to }) => to - from);
  process.send?.({ latenciesMs: lengths(calls), calmMs: lengths(calls.filter(isCalm)), failed });
  calls = [];
  failed = 0;
  // Calls that run are looked at the next time.
  stolen = stolen.filter(({ to }) => to > performance.now() - 10_000);
});
process.once("disconnect", () => process.exit());

for (let due = performance.now(); ; due += 1000 / perSecond) {
  await sleep(Math.max(0, due - performance.now()));
  void call(due);
}
