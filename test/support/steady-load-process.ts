import { setTimeout as sleep } from "node:timers/promises";
import { frameOf, openRawGrpc } from "./raw-grpc.ts";

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

/** What the process answers when it is asked (any message): how the calls since the last time went. */
export interface SteadyLoadReport {
  /** From when a call was due, not from when it was sent: a server that stalls must not slow down the questions. */
  readonly latenciesMs: number[];
  readonly failed: number;
}

const { grpcAddress, token, path, request, perSecond } = JSON.parse(process.argv[2] ?? "") as SteadyLoadOptions;
const frame = frameOf(Buffer.from(request, "base64"));
const grpc = await openRawGrpc(grpcAddress, token);
let report: SteadyLoadReport = { latenciesMs: [], failed: 0 };

async function call(due: number): Promise<void> {
  const status = await grpc.call(path, frame);
  if (status === "0") report.latenciesMs.push(performance.now() - due);
  else report = { ...report, failed: report.failed + 1 };
}

process.on("message", () => {
  process.send?.(report);
  report = { latenciesMs: [], failed: 0 };
});
process.once("disconnect", () => process.exit());

for (let due = performance.now(); ; due += 1000 / perSecond) {
  await sleep(Math.max(0, due - performance.now()));
  void call(due);
}
