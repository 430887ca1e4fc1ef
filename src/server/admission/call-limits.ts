import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";

/** The limits for one kind of call, such as calls whose request is incomplete. */
export interface CallLimits {
  /** The name of the kind, in the plural, for the error message. */
  readonly what: string;
  /** Concurrent calls of all callers. */
  readonly calls: number;
  /** Concurrent calls of one caller. */
  readonly callsPerCaller: number;
  /** Bytes held by all calls; the first 64 KiB of each call are not counted. */
  readonly bytes: number;
  /** The same for the calls of one caller. */
  readonly bytesPerCaller: number;
  /** Concurrent decompressions of all callers; further ones wait. */
  readonly inflating: number;
  /** The same for one caller. */
  readonly inflatingPerCaller: number;
  /** Milliseconds from the start or the last `renew` to a refusal. Checked once a second. */
  readonly timeoutMs: number;
}

/** A call that counts against the limits. */
export interface LimitedCall {
  /** Sets the number of bytes of the request that are held now. Exceeding a limit calls `refuse`. */
  hold(bytes: number): void;
  /**
   * Asks to decompress a completely received message. `begin` is called at once or when a decompression slot is free; never after
   * `close`. The slot is held until `inflated`, even after `close`.
   */
  inflate(begin: () => void): void;
  /** Releases the decompression slot. */
  inflated(): void;
  /** Restarts the timeout, for a call that received a message. */
  renew(): void;
  /** Stops counting the call. */
  close(): void;
}

/** The call to be counted. */
export interface NewCall {
  /** The key of the caller: an address or an organization. */
  readonly caller: string;
  /**
   * Called once, after `close`, when a limit is exceeded: ApiError QUEUE_FULL (bytes, or the timeout while it waits for a
   * decompression slot) or DEADLINE_EXCEEDED (the timeout).
   */
  readonly refuse: (failure: ApiError) => void;
}

/** Limits the concurrent calls of one kind. */
export interface CallLimiter {
  /** Counts a call. Throws ApiError QUEUE_FULL when all calls, or those of the caller, are at their limit. */
  open(call: NewCall): LimitedCall;
  /** Stops the timer that checks for timeouts. */
  stop(): void;
}

interface Share {
  calls: number;
  bytes: number;
  inflating: number;
  readonly waiting: Set<Entry>;
}

interface Entry extends NewCall {
  readonly share: Share;
  since: number;
  bytes: number;
  /** Holds a decompression slot. */
  inflating: boolean;
  /** Set while the call waits for a slot. */
  begin: (() => void) | undefined;
}

const sweepMs = 1000;

/** Bytes that each call may hold uncounted; the limit on the number of calls bounds them. */
const freeBytes = 65_536;

/** Creates a limiter with a limit for each caller, a limit for all callers and a timeout for each call. */
export function createCallLimiter(limits: CallLimits): CallLimiter {
  const shares = new Map<string, Share>();
  const entries = new Set<Entry>(); // the oldest first
  const waiting = new Set<Share>();
  let bytes = 0;
  let inflating = 0;

  const set = (entry: Entry, held: number) => {
    const more = held - entry.bytes;
    entry.bytes = held;
    entry.share.bytes += more;
    bytes += more;
  };
  const mayInflate = (share: Share) => share.inflating < limits.inflatingPerCaller && inflating < limits.inflating;
  const releaseSlot = (entry: Entry) => {
    if (!entry.inflating) return;
    entry.inflating = false;
    entry.share.inflating -= 1;
    inflating -= 1;
    forget(entry);
    beginNext();
  };
  const forget = ({ share, caller }: Entry) => {
    if (share.calls === 0 && share.inflating === 0) shares.delete(caller);
  };
  const waitNoMore = (entry: Entry) => {
    entry.begin = undefined;
    if (entry.share.waiting.delete(entry) && entry.share.waiting.size === 0) waiting.delete(entry.share);
  };
  const acquireSlot = (entry: Entry, begin: () => void) => {
    entry.inflating = true;
    entry.share.inflating += 1;
    inflating += 1;
    begin();
  };
  /** Gives a free slot to the next waiting call, round robin by caller. */
  const beginNext = () => {
    for (const share of waiting) {
      if (!mayInflate(share)) continue;
      const [entry] = share.waiting;
      const begin = entry?.begin;
      if (entry === undefined || begin === undefined) continue;
      waitNoMore(entry);
      if (waiting.delete(share)) waiting.add(share);
      return acquireSlot(entry, begin);
    }
  };
  const close = (entry: Entry) => {
    if (!entries.delete(entry)) return;
    const { share } = entry;
    set(entry, 0);
    share.calls -= 1;
    forget(entry);
    waitNoMore(entry);
  };
  const refuse = (entry: Entry, failure: ApiError) => {
    close(entry);
    entry.refuse(failure);
  };
  const sweep = setInterval(() => {
    const before = performance.now() - limits.timeoutMs;
    for (const entry of entries) {
      if (entry.since > before) break;
      refuse(entry, entry.begin === undefined ? late(limits.timeoutMs) : tooMany(limits.what));
    }
  }, sweepMs);
  sweep.unref();

  return {
    open: (call) => {
      const share = shares.get(call.caller) ?? { calls: 0, bytes: 0, inflating: 0, waiting: new Set<Entry>() };
      if (share.calls >= limits.callsPerCaller || entries.size >= limits.calls) throw tooMany(limits.what);
      shares.set(call.caller, share);
      share.calls += 1;
      const { caller, refuse: refused } = call;
      const since = performance.now();
      const entry: Entry = { caller, refuse: refused, share, since, bytes: 0, inflating: false, begin: undefined };
      entries.add(entry);
      return {
        hold: (held) => {
          const counted = Math.max(0, held - freeBytes);
          if (counted === entry.bytes || !entries.has(entry)) return;
          const more = counted - entry.bytes;
          if (more > 0 && (share.bytes + more > limits.bytesPerCaller || bytes + more > limits.bytes))
            return refuse(entry, tooMuch(limits.what));
          set(entry, counted);
        },
        inflate: (begin) => {
          if (!entries.has(entry)) return;
          if (mayInflate(share)) return acquireSlot(entry, begin);
          entry.begin = begin;
          share.waiting.add(entry);
          waiting.add(share);
        },
        inflated: () => releaseSlot(entry),
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

function tooMany(what: string): ApiError {
  return new ApiError(ErrorReason.QUEUE_FULL, `too many ${what}: try again`, { retryAfterMs: 1000 });
}

function tooMuch(what: string): ApiError {
  return new ApiError(ErrorReason.QUEUE_FULL, `too many bytes are held by ${what}: end one before the next large one`, {
    retryAfterMs: 1000,
  });
}

function late(timeoutMs: number): ApiError {
  return new ApiError(
    ErrorReason.DEADLINE_EXCEEDED,
    `nothing more came within ${timeoutMs / 1000} s: end each request when its message is sent`,
  );
}
