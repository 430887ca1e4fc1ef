import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { createConcurrencyLimiter } from "../concurrency/concurrency-limiter.ts";
import { ApiError } from "../errors/api-error.ts";

/** How many tests may dial one address and port at once, whatever names they know it by. */
export interface TargetLimits {
  /** Of all organizations. */
  readonly total: number;
  readonly perOrganization: number;
}

/**
 * Five organizations that do what they may reach the total; a sixth takes its share of that. 25 connections at once are few
 * to whoever listens there, and half of all tests, so that nobody is dialled by the whole server.
 */
export const defaultTargetLimits: TargetLimits = { total: 25, perOrganization: 5 };

/** What one test dials. */
export interface DialedTargets {
  /** Aborts when the test must end because of a limit, with ApiError TOO_MANY_TESTS. */
  readonly signal: AbortSignal;
  /** Counts the test at a target (`canonicalTarget`), once. False when it must not dial there: the signal has aborted. */
  acquire(target: string): boolean;
  /** When the test has ended and its sockets are closed. */
  release(): void;
}

/** Begins to count a test of an organization. */
export type LimitTargets = (organizationId: string) => DialedTargets;

/**
 * Counts tests by what they dial: the names that they begin with are anybody's to choose, and a name server can answer each
 * question differently. What a refusal says is about the caller's own organization, or what it says when the whole server is
 * full: that somebody else tests there is nobody's business.
 */
export function limitTargets({ total, perOrganization }: TargetLimits): LimitTargets {
  const limiter = createConcurrencyLimiter();
  return (organizationId) => {
    const stop = new AbortController();
    const dialed = new Map<string, () => void>();
    return {
      signal: stop.signal,
      acquire: (target) => {
        if (stop.signal.aborted) return false;
        if (dialed.has(target)) return true;
        const limits = [
          { key: `${target} of ${organizationId}`, max: perOrganization, refuse: tooManyOfYours },
          { key: target, max: total, shared: true, refuse: serverIsFull },
        ];
        try {
          const evict = () => stop.abort(serverIsFull());
          dialed.set(target, limiter.acquire({ owner: organizationId, limits, evict }));
          return true;
        } catch (error) {
          stop.abort(error);
          return false;
        }
      },
      release: () => {
        for (const release of dialed.values()) release();
        dialed.clear();
      },
    };
  };
}

/** The whole server, or a target that others test too: in the same words. */
export function serverIsFull(): ApiError {
  return tooMany("this server runs as many tests as it can at present");
}

function tooManyOfYours(max: number): ApiError {
  return tooMany(`your organization runs ${max} tests at once already at an address that this test dials`);
}

function tooMany(what: string): ApiError {
  return new ApiError(ErrorReason.TOO_MANY_TESTS, `${what}: try again in a moment`, { retryAfterMs: 1000 });
}
