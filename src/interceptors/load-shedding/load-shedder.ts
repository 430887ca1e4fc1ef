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

/** Set for a call that is refused for load: the log counts those, in place of a line for each. */
export const shedKey: ContextKey<boolean> = createContextKey(false, { description: "refused for load" });

/** Refuses calls while there are more than can be answered in time. */
export interface LoadShedder {
  /** Counts the unary calls that run, by organization. */
  readonly count: Interceptor;
  /** Refuses a unary call that is one too many, and any call that has waited too long to be begun, by its headers alone. */
  readonly admission: Interceptor;
  /** The same for a request that is not a call yet; `late` says that it has waited too long. Throws ApiError QUEUE_FULL. */
  check(organizationId: string, late: boolean): void;
  /** Whose token an `authorization` header is; empty when that is not known yet. */
  organizationOf(authorization: string): string;
  /** Counts a call that was refused for load elsewhere, and answers with what its caller gets. */
  refused(by: Overload, organizationId: string): ApiError;
  /** How long something has waited for the database just now, in milliseconds. */
  queueWaited(ms: number): void;
}

/** What there is too much of. */
type Overload = "event_loop" | "database";

export interface LoadShedderOptions {
  readonly log: Logger;
  readonly meter: Meter;
  /** A clock in milliseconds. */
  readonly now?: () => number;
  readonly atTurnEnd?: (run: () => void) => void;
}

/** How long a turn of the event loop may begin calls before it refuses the others, in milliseconds: health checks wait for it. */
const turnMs = 50;
/** How long a call may wait for the database before those that come after it are refused, in milliseconds. */
const waitMs = 500;
/** A delay of either kind counts when it has lasted for two seconds, so a burst is worked off, and for ten seconds after its end. */
const lasting = { afterMs: 2000, keepMs: 10_000 };
/** Fewer calls than these are never too many. */
const freeCalls = 256;
/** How many calls of organizations below their fair share a turn begins beyond its time. */
const extraCalls = 64;

/**
 * Work that comes faster than it can be done is refused before it is begun, so that what is let in is answered in time, and
 * health checks are. Two delays tell: how long the event loop takes to begin all calls that have arrived, and how long calls
 * wait for the database. An organization with fewer running calls than its fair share is let in all the same: one that
 * floods the server is refused, and the others are not.
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

  /** What there is too much of just now. */
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

/** Those who were refused together do not come back together. */
function tooMany(): ApiError {
  return new ApiError(
    ErrorReason.QUEUE_FULL,
    "the server has more calls than it can answer in time: try again in a moment",
    { retryAfterMs: 500 + Math.floor(Math.random() * 1000) },
  );
}

/** A line a second at most: a line for each would be work for calls that are refused because there is too much of it. */
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
