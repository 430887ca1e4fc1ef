import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/** What is still read of a request that was answered before it was here: for so long, and so much of it. */
const drainMs = 30_000;
const silenceMs = 5000;
const drainBytes = 32 * 1024 * 1024;

/**
 * So much of all of them together is read in each step, and so much of one: what nobody wants costs memory and time too, which
 * other callers' requests need.
 */
const stepMs = 50;
const stepBytes = 1024 * 1024;
const stepBytesEach = 256 * 1024;

interface Draining {
  readonly request: IncomingMessage;
  /** What may be read of it before the next step. */
  allowance: number;
}

/** Reads requests for nobody. */
export type DrainSlowly = (request: IncomingMessage) => void;

/** Ends the writing half of a connection, reads slowly for nobody what the caller still sends, and closes it after a while. */
export function drainThenClose(socket: Socket, request: IncomingMessage): void {
  const begin = socket.bytesRead;
  let last = begin;
  const close = () => socket.destroy();
  const late = setTimeout(close, drainMs);
  const look = setInterval(() => {
    const { bytesRead } = socket;
    if (bytesRead === last || bytesRead - begin > drainBytes) close();
    last = bytesRead;
  }, silenceMs);
  socket.once("close", () => {
    clearTimeout(late);
    clearInterval(look);
  });
  socket.end();
  drainSlowly(request);
}

/** Reads a request for nobody: whoever listened to it, and may have paused it, has answered. All of the process share a pace. */
export const drainSlowly: DrainSlowly = createDrain();

/** Those that it is given share `stepBytes` each `stepMs`. */
export function createDrain(): DrainSlowly {
  const draining = new Set<Draining>();
  let steps: NodeJS.Timeout | undefined;

  const step = () => {
    const each = Math.min(stepBytesEach, Math.ceil(stepBytes / draining.size));
    for (const one of draining) {
      one.allowance = Math.min(one.allowance + each, stepBytesEach);
      if (one.allowance > 0) one.request.resume();
    }
  };
  return (request) => {
    const one: Draining = { request, allowance: stepBytesEach };
    const leave = () => {
      if (!draining.delete(one) || draining.size > 0) return;
      clearInterval(steps);
      steps = undefined;
    };
    request.removeAllListeners("data");
    request.on("data", (chunk: Uint8Array) => {
      one.allowance -= chunk.length;
      if (one.allowance <= 0) request.pause();
    });
    request.once("end", leave).once("close", leave);
    draining.add(one);
    steps ??= setInterval(step, stepMs);
    request.resume();
  };
}
