import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";

/** Bounds of calls whose request has begun and is not there whole. */
export interface HalfOpenLimits {
  readonly calls: number;
  readonly callsPerCaller: number;
  readonly bytes: number;
  readonly bytesPerCaller: number;
  readonly timeoutMs: number;
}

/** A call whose request is not there whole. */
export interface HalfOpenCall {
  /** Says how many bytes of the request are held now. */
  hold(bytes: number): void;
  /** A message came: the time begins anew. */
  renew(): void;
  /** The request is there, or the call is over. */
  close(): void;
}

export interface NewCall {
  /** Whose share it takes. */
  readonly caller: string;
  /** Bytes that it may come to hold at once, such as by decompression; 0 when what it holds is what has arrived. */
  readonly reserve: number;
  /** Called when its bytes may be read: at once, or when the reservation fits. */
  readonly read: () => void;
  /** Called once, when a bound is passed; `close` has been called then. */
  readonly refuse: (failure: Failure) => void;
}

export interface HalfOpenCalls {
  /** Throws Failure QUEUE_FULL when there are too many already. */
  open(call: NewCall): HalfOpenCall;
  stop(): void;
}

interface Share {
  calls: number;
  bytes: number;
  readonly waiting: Set<Entry>;
}

interface Entry extends NewCall {
  readonly share: Share;
  since: number;
  bytes: number;
}

const sweepMs = 1000;

/** Each caller has a share of calls and of bytes, all together have a limit, and each call has a time. */
export function createHalfOpenCalls(limits: HalfOpenLimits): HalfOpenCalls {
  const shares = new Map<string, Share>();
  const entries = new Set<Entry>(); // the oldest first
  const waiting = new Set<Share>();
  let bytes = 0;

  const fits = (share: Share, more: number) =>
    share.bytes + more <= limits.bytesPerCaller && bytes + more <= limits.bytes;
  const set = (entry: Entry, held: number) => {
    const more = held - entry.bytes;
    entry.bytes = held;
    entry.share.bytes += more;
    bytes += more;
  };
  const begin = (entry: Entry) => {
    if (entry.share.waiting.delete(entry) && entry.share.waiting.size === 0) waiting.delete(entry.share);
    set(entry, entry.reserve);
    entry.read();
  };
  const beginWaiting = () => {
    for (const share of waiting)
      for (const entry of share.waiting) {
        if (!fits(share, entry.reserve)) break;
        begin(entry);
      }
  };
  const close = (entry: Entry) => {
    if (!entries.delete(entry)) return;
    const { share, caller } = entry;
    set(entry, 0);
    share.calls -= 1;
    if (share.calls === 0) shares.delete(caller);
    if (share.waiting.delete(entry) && share.waiting.size === 0) waiting.delete(share);
    if (waiting.size > 0) beginWaiting();
  };
  const refuse = (entry: Entry, failure: Failure) => {
    close(entry);
    entry.refuse(failure);
  };
  const sweep = setInterval(() => {
    const before = performance.now() - limits.timeoutMs;
    for (const entry of entries) {
      if (entry.since > before) break;
      refuse(entry, late(limits.timeoutMs));
    }
  }, sweepMs);
  sweep.unref();

  return {
    open: (call) => {
      const share = shares.get(call.caller) ?? { calls: 0, bytes: 0, waiting: new Set<Entry>() };
      if (share.calls >= limits.callsPerCaller || entries.size >= limits.calls) throw tooMany();
      if (share.calls === 0) shares.set(call.caller, share);
      share.calls += 1;
      const { caller, reserve, read, refuse: refused } = call;
      const entry: Entry = { caller, reserve, read, refuse: refused, share, since: performance.now(), bytes: 0 };
      entries.add(entry);
      if (reserve === 0 || fits(share, reserve)) begin(entry);
      else {
        share.waiting.add(entry);
        waiting.add(share);
      }
      return {
        hold: (held) => {
          if (!entries.has(entry)) return;
          const grows = held > entry.bytes;
          if (grows && !fits(share, held - entry.bytes)) return refuse(entry, tooMuch());
          set(entry, held);
          if (!grows && waiting.size > 0) beginWaiting();
        },
        renew: () => {
          if (!entries.delete(entry)) return;
          entry.since = performance.now();
          entries.add(entry);
        },
        close: () => close(entry),
      };
    },
    stop: () => clearInterval(sweep),
  };
}

function tooMany(): Failure {
  return new Failure(ErrorReason.QUEUE_FULL, "too many calls have begun whose request has not arrived: try again", {
    retryAfterMs: 1000,
  });
}

function tooMuch(): Failure {
  return new Failure(
    ErrorReason.QUEUE_FULL,
    "too many bytes of requests have arrived that are not whole: end each request before the next large one",
    { retryAfterMs: 1000 },
  );
}

function late(timeoutMs: number): Failure {
  return new Failure(
    ErrorReason.DEADLINE_EXCEEDED,
    `the request did not arrive whole within ${timeoutMs / 1000} s: end it when its message is sent`,
  );
}
