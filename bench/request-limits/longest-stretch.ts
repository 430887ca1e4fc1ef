import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** What of its environment a server needs to be watched. */
export function watched(socket: string): Readonly<Record<string, string>> {
  const hook = fileURLToPath(new URL("watch-main-thread.ts", import.meta.url));
  return { MAIN_THREAD_SOCKET: socket, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --import ${hook}`.trim() };
}

/** The most milliseconds of processor that the main thread of the server took at a stretch since this was called last. */
export async function longestStretch(socket: string): Promise<number> {
  const ms = Number(await text(connect(socket)));
  if (!(ms >= 0)) throw new Error("the server does not say how long its main thread was held up");
  return ms;
}
