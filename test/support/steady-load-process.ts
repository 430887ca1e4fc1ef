import { once } from "node:events";
import { connect } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";

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
const message = Buffer.from(request, "base64");
const frame = Buffer.alloc(5 + message.length);
frame.writeUInt32BE(message.length, 1);
message.copy(frame, 5);

const session = connect(`http://${grpcAddress}`);
await once(session, "connect");
let report: SteadyLoadReport = { latenciesMs: [], failed: 0 };

async function call(due: number): Promise<void> {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    authorization: `Bearer ${token}`,
  });
  stream.end(frame);
  stream.resume();
  let status: unknown;
  stream.once("trailers", (trailers) => {
    status = trailers["grpc-status"];
  });
  await once(stream, "close").catch(() => undefined);
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
