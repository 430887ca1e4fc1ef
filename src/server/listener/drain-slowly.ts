import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/** Limits on reading the rest of a request after an early response: total milliseconds, milliseconds without data, bytes. */
const drainMs = 30_000;
const silenceMs = 5000;
const drainBytes = 32 * 1024 * 1024;

/**
 * The shared pace: every `stepMs` milliseconds at most `stepBytes` of all drained requests and `stepBytesEach` of one. Unused
 * data costs memory and time that other callers' requests need.
 */
const stepMs = 50;
const stepBytes = 1024 * 1024;
const stepBytesEach = 256 * 1024;

interface Draining {
  readonly request: IncomingMessage;
  /** Bytes that may be read before the next step. */
  allowance: number;
}

/** Reads the rest of a request and discards it. */
export type DrainSlowly = (request: IncomingMessage) => void;

/**
 * Ends the writing half of a connection, slowly reads and discards the rest of the request, and closes the connection after at
 * most 30 s, 32 MiB, or 5 to 10 s without data.
 */
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

/** Discards the rest of a request whose reader, which may have paused it, has responded. All requests of the process share one pace. */
export const drainSlowly: DrainSlowly = createSlowDrain();

/** Creates a drain whose requests share `stepBytes` per `stepMs`. */
export function createSlowDrain(): DrainSlowly {
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
