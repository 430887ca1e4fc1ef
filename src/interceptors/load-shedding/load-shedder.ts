import { type ContextKey, createContextKey, type Interceptor } from "@connectrpc/connect";
import type { Meter } from "@opentelemetry/api";
import { LRUCache } from "lru-cache";
import type { Logger } from "pino";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { principalKey } from "../../auth/principal.ts";
import { ApiError } from "../../errors/api-error.ts";
import { originKey } from "../call/call-origin.ts";
import { createLoopTurn } from "./loop-turn.ts";
import { createStandingDelay } from "./standing-delay.ts";

/** True for a call that is refused for load: the log counts these calls, without a line for each. */
export const shedKey: ContextKey<boolean> = createContextKey(false, { description: "refused for load" });

/** Refuses calls while the server cannot respond to all of them in time. */
export interface LoadShedder {
  /** Counts running unary calls by organization. */
  readonly count: Interceptor;
  /**
   * Refuses, by the headers alone, a unary call during an overload, and any call that has waited too long to start. Throws
   * ApiError QUEUE_FULL.
   */
  readonly admission: Interceptor;
  /** The same for a request that is not a call yet; `late`: it has waited too long. Throws ApiError QUEUE_FULL. */
  check(organizationId: string, late: boolean): void;
  /** Returns the organization of the token in an `authorization` header; empty when it is not known yet. */
  organizationOf(authorization: string): string;
  /** Counts a call that other code refused for load, and returns the error for its caller. */
  refused(by: Overload, organizationId: string): ApiError;
  /** Reports how long a call has just waited for the database, in milliseconds. */
  queueWaited(ms: number): void;
}

/** The overloaded resource. */
type Overload = "event_loop" | "database";

/** The dependencies of the load shedder. */
export interface LoadShedderOptions {
  readonly log: Logger;
  readonly meter: Meter;
  /** A clock in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
  /** Runs a function at the end of the turn of the event loop. Default: `setImmediate`. */
  readonly atTurnEnd?: (run: () => void) => void;
}

/** Milliseconds of a turn in which all calls start, even in an overload; health checks wait for the end of the turn. */
const turnMs = 50;
/** Milliseconds of waiting for the database above which later calls are refused. */
const waitMs = 500;
/** A delay counts after it has lasted 2 s, so that a burst is processed, and until 10 s after its end. */
const lasting = { afterMs: 2000, keepMs: 10_000 };
/** Fewer running calls than this are never an overload. */
const freeCalls = 256;
/** Calls of organizations below their fair share that a turn starts beyond its time. */
const extraCalls = 64;

/**
 * Creates a load shedder, which refuses excess calls before they start, so that accepted calls and health checks finish in time.
 * Two delays indicate an overload: the time in which the event loop starts all arrived calls, and the time that calls wait for
 * the database. An organization with fewer running calls than its fair share is still accepted: one that floods the server is
 * refused, and the others are not.
 */
export function createLoadShedder(options: LoadShedderOptions): LoadShedder {
  const { log, meter, now = () => performance.now(), atTurnEnd = (run) => void setImmediate(run) } = options;
  const loop = createStandingDelay({ targetMs: turnMs, ...lasting, now });
  const queue = createStandingDelay({ targetMs: waitMs, ...lasting, now });
  const turn = createLoopTurn({ now, atEnd: atTurnEnd, ended: loop.report });
  const refusals = meter.createCounter("connectory.calls.shed", {
    unit: "{call}",
    description: "Calls refused for load",
  });
  const logRejected = countInLog(log);
  const running = new Map<string, number>();
  const organizations = new LRUCache<string, string>({ max: 10_000 });
  let total = 0;
  let waited = { ms: 0, at: 0 };

  /** Returns the resource that is overloaded now. */
  const pressure = (): Overload | undefined => {
    const elapsed = turn.elapsed();
    if (total < freeCalls) return undefined;
    if (elapsed > turnMs && loop.standing()) return "event_loop";
    return waited.ms > waitMs && queue.standing() && now() - waited.at < lasting.afterMs ? "database" : undefined;
  };
  const refused = (by: Overload, organizationId: string): ApiError => {
    refusals.add(1, { "connectory.overload": by });
    logRejected(organizationId);
    return tooMany();
  };
  const check = (organizationId: string, late: boolean) => {
    if (late) throw refused("event_loop", organizationId);
    const by = pressure();
    if (by === undefined) return;
    const own = running.get(organizationId) ?? 0;
    const callers = running.size + (own === 0 ? 1 : 0);
    if (own * callers < total && turn.extra < extraCalls) {
      turn.extra += 1;
      return;
    }
    throw refused(by, organizationId);
  };
  const leave = (organizationId: string) => {
    total -= 1;
    const left = (running.get(organizationId) ?? 1) - 1;
    if (left > 0) running.set(organizationId, left);
    else running.delete(organizationId);
  };

  return {
    check,
    refused,
    organizationOf: (authorization) => organizations.get(authorization) ?? "",
    queueWaited: (ms) => {
      waited = { ms, at: now() };
      queue.report(ms);
    },
    admission: (next) => (request) => {
      const late = request.contextValues.get(originKey)?.late === true;
      if (request.method.methodKind !== "unary" && !late) return next(request);
      const { organizationId } = request.contextValues.get(principalKey);
      const authorization = request.header.get("authorization") ?? "";
      if (!organizations.has(authorization)) organizations.set(authorization, organizationId);
      try {
        check(organizationId, late);
      } catch (error) {
        request.contextValues.set(shedKey, true);
        return Promise.reject(error);
      }
      return next(request);
    },
    count: (next) => (request) => {
      if (request.stream) return next(request);
      const { organizationId } = request.contextValues.get(principalKey);
      running.set(organizationId, (running.get(organizationId) ?? 0) + 1);
      total += 1;
      const answer = next(request);
      const over = () => leave(organizationId);
      answer.then(over, over);
      return answer;
    },
  };
}

/** The delay before a retry, 0.5 to 1.5 s, is random, so that callers refused together do not return together. */
function tooMany(): ApiError {
  return new ApiError(
    ErrorReason.QUEUE_FULL,
    "the server has more calls than it can answer in time: try again in a moment",
    { retryAfterMs: 500 + Math.floor(Math.random() * 1000) },
  );
}

/** Logs at most one line a second: a line for each refused call would add work during an overload. */
function countInLog(log: Logger): (organizationId: string) => void {
  let refused = 0;
  const organizations = new Set<string>();
  const write = () => {
    log.warn({ refused, organizations: organizations.size }, "calls are refused for load");
    refused = 0;
    organizations.clear();
  };
  return (organizationId) => {
    if (refused === 0) setTimeout(write, 1000).unref();
    refused += 1;
    organizations.add(organizationId);
  };
}
