import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";

/** More than there are places, and as many as a connection takes. */
const [sessions, streamsEach] = [3, 900];
const settleMs = 3000;

/** Opens watches until there are no more places, and reads none of them. The returned function ends them all. */
export async function holdWatches(grpcPort: number, authorization: string): Promise<() => Promise<string>> {
  const opened: ClientHttp2Session[] = [];
  let refused = 0;
  const streams = new Set<ClientHttp2Stream>();
  for (let index = 0; index < sessions; index += 1) {
    const session = connect(`http://127.0.0.1:${grpcPort}`);
    session.on("error", () => undefined);
    await once(session, "connect");
    opened.push(session);
    for (let count = 0; count < streamsEach; count += 1) {
      const stream = session.request({
        ":method": "POST",
        ":path": "/connectory.v1.ConnectionService/WatchConnections",
        "content-type": "application/grpc",
        te: "trailers",
        authorization,
      });
      streams.add(stream);
      stream.on("error", () => undefined);
      const over = (headers: IncomingHttpHeaders) => {
        if (headers["grpc-status"] !== undefined && streams.delete(stream)) refused += 1;
      };
      stream.once("response", over).once("trailers", over);
      stream.end(Buffer.alloc(5));
      if (count % 50 === 49) await sleep(20);
    }
  }
  await sleep(settleMs);
  return async () => {
    const held = streams.size;
    for (const session of opened) session.destroy();
    if (refused === 0) throw new Error(`there are places for ${held} watches and more`);
    await sleep(settleMs);
    return `${held} watches held, ${refused} refused`;
  };
}
