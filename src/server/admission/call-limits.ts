import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";

/** For calls of one kind, such as those whose request is not there whole. */
export interface CallLimits {
  /** What they are, for those who are refused. */
  readonly what: string;
  readonly calls: number;
  readonly callsPerCaller: number;
  /** Of what each call holds beyond its first 64 kB, which every one has. */
  readonly bytes: number;
  readonly bytesPerCaller: number;
  /** How many may be decompressing; the others wait. */
  readonly inflating: number;
  readonly inflatingPerCaller: number;
  /** From when it began, or was renewed. */
  readonly timeoutMs: number;
}

/** A call that counts. */
export interface LimitedCall {
  /** Says how many bytes of the request are held now. */
  hold(bytes: number): void;
  /**
   * Its message is there whole and is to be decompressed: `begin` is called at once, or when there is a place for that; never when
   * it is closed first. It has its place from then on until `inflated`, even when it is closed.
   */
  inflate(begin: () => void): void;
  /** Nothing of it is being decompressed any more. */
  inflated(): void;
  /** A message came: the time begins again. */
  renew(): void;
  /** It counts no more. */
  close(): void;
}

export interface NewCall {
  /** Whose share it takes. */
  readonly caller: string;
  /** Called once, when a bound is passed; `close` has been called then. */
  readonly refuse: (failure: ApiError) => void;
}

export interface CallLimiter {
  /** Throws ApiError QUEUE_FULL when there are too many already. */
  open(call: NewCall): LimitedCall;
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
  /** It has a place for decompressing. */
  inflating: boolean;
  /** It waits for one. */
  begin: (() => void) | undefined;
}

const sweepMs = 1000;

/** What a call may hold without being counted: the number of calls bounds it. */
const freeBytes = 65_536;

/** Each caller has a share of calls and of bytes, all together have a limit, and each call has a time. */
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
  const leavePlace = (entry: Entry) => {
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
  const takePlace = (entry: Entry, begin: () => void) => {
    entry.inflating = true;
    entry.share.inflating += 1;
    inflating += 1;
    begin();
  };
  /** There is one place more. Callers take turns. */
  const beginNext = () => {
    for (const share of waiting) {
      if (!mayInflate(share)) continue;
      const [entry] = share.waiting;
      const begin = entry?.begin;
      if (entry === undefined || begin === undefined) continue;
      waitNoMore(entry);
      if (waiting.delete(share)) waiting.add(share);
      return takePlace(entry, begin);
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
          if (mayInflate(share)) return takePlace(entry, begin);
          entry.begin = begin;
          share.waiting.add(entry);
          waiting.add(share);
        },
        inflated: () => leavePlace(entry),
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
