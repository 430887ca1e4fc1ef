import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";

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
export interface BoundedCall {
  /** Says how many bytes of the request are held now. */
  hold(bytes: number): void;
  /** Its message is being decompressed: from here on it has its place for that until `inflated`, even when it is closed. */
  inflate(): void;
  /** Nothing of it is being decompressed any more. */
  inflated(): void;
  /** A message came: the time begins anew. */
  renew(): void;
  /** It counts no more. */
  close(): void;
}

export interface NewCall {
  /** Whose share it takes. */
  readonly caller: string;
  /** What it comes to hold is known when it is decompressed, and not before. */
  readonly compressed: boolean;
  /** Called when its bytes may be read: at once, or when it may be decompressed. */
  readonly read: () => void;
  /** Called once, when a bound is passed; `close` has been called then. */
  readonly refuse: (failure: Failure) => void;
}

export interface CallBounds {
  /** Throws Failure QUEUE_FULL when there are too many already. */
  open(call: NewCall): BoundedCall;
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
  /** It uses that place. */
  inflation: boolean;
}

const sweepMs = 1000;

/** What a call may hold without being counted: the number of calls bounds it. */
const freeBytes = 65_536;

/** Each caller has a share of calls and of bytes, all together have a limit, and each call has a time. */
export function createCallBounds(limits: CallLimits): CallBounds {
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
  const takePlace = (entry: Entry) => {
    entry.inflating = true;
    entry.share.inflating += 1;
    inflating += 1;
  };
  const leavePlace = (entry: Entry) => {
    if (!entry.inflating) return;
    entry.inflating = false;
    entry.share.inflating -= 1;
    inflating -= 1;
    forget(entry);
    if (waiting.size > 0) beginWaiting();
  };
  const forget = ({ share, caller }: Entry) => {
    if (share.calls === 0 && share.inflating === 0) shares.delete(caller);
  };
  const begin = (entry: Entry) => {
    if (entry.share.waiting.delete(entry) && entry.share.waiting.size === 0) waiting.delete(entry.share);
    if (entry.compressed) takePlace(entry);
    entry.read();
  };
  const beginWaiting = () => {
    for (const share of waiting)
      for (const entry of share.waiting) {
        if (!mayInflate(share)) break;
        begin(entry);
      }
  };
  const close = (entry: Entry) => {
    if (!entries.delete(entry)) return;
    const { share } = entry;
    set(entry, 0);
    share.calls -= 1;
    forget(entry);
    if (share.waiting.delete(entry) && share.waiting.size === 0) waiting.delete(share);
    if (!entry.inflation) leavePlace(entry);
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
      const share = shares.get(call.caller) ?? { calls: 0, bytes: 0, inflating: 0, waiting: new Set<Entry>() };
      if (share.calls >= limits.callsPerCaller || entries.size >= limits.calls) throw tooMany(limits.what);
      shares.set(call.caller, share);
      share.calls += 1;
      const { caller, compressed, read, refuse: refused } = call;
      const since = performance.now();
      const places = { inflating: false, inflation: false };
      const entry: Entry = { caller, compressed, read, refuse: refused, share, since, bytes: 0, ...places };
      entries.add(entry);
      if (!compressed || mayInflate(share)) begin(entry);
      else {
        share.waiting.add(entry);
        waiting.add(share);
      }
      return {
        hold: (held) => {
          const counted = Math.max(0, held - freeBytes);
          if (counted === entry.bytes || !entries.has(entry)) return;
          const more = counted - entry.bytes;
          if (more > 0 && (share.bytes + more > limits.bytesPerCaller || bytes + more > limits.bytes))
            return refuse(entry, tooMuch(limits.what));
          set(entry, counted);
        },
        inflate: () => {
          if (!entry.inflating) takePlace(entry); // it was closed meanwhile
          entry.inflation = true;
        },
        inflated: () => {
          entry.inflation = false;
          leavePlace(entry);
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

function tooMany(what: string): Failure {
  return new Failure(ErrorReason.QUEUE_FULL, `too many ${what}: try again`, { retryAfterMs: 1000 });
}

function tooMuch(what: string): Failure {
  return new Failure(ErrorReason.QUEUE_FULL, `too many bytes are held by ${what}: end one before the next large one`, {
    retryAfterMs: 1000,
  });
}

function late(timeoutMs: number): Failure {
  return new Failure(
    ErrorReason.DEADLINE_EXCEEDED,
    `nothing more came within ${timeoutMs / 1000} s: end each request when its message is sent`,
  );
}
