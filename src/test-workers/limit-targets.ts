import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { createConcurrencyLimiter } from "../concurrency/concurrency-limiter.ts";
import { ApiError } from "../errors/api-error.ts";

/** The maximum number of concurrent tests that dial one address and port, under any of its names. */
export interface TargetLimits {
  /** The limit over all organizations. */
  readonly total: number;
  /** The limit of one organization. */
  readonly perOrganization: number;
}

/**
 * Five organizations at their limit reach the total; a sixth then takes its share of it. 25 concurrent connections are few for
 * a server, and the total is half of all tests, so that the service never dials one target with its full capacity.
 */
export const defaultTargetLimits: TargetLimits = { total: 25, perOrganization: 5 };

/** The targets that one test dials. */
export interface DialedTargets {
  /** Aborts with ApiError TOO_MANY_TESTS when the test must end because of a limit. */
  readonly signal: AbortSignal;
  /**
   * Counts the test at a target (`canonicalTarget`), once. Returns false when the test must not dial there; the signal has then
   * aborted.
   */
  acquire(target: string): boolean;
  /** Releases the targets, after the test has ended and its sockets are closed. */
  release(): void;
}

/** Starts the count of a test of an organization. */
export type LimitTargets = (organizationId: string) => DialedTargets;

/**
 * Returns a limiter of tests by dialed address: a caller chooses the names of a configuration, and a name server can return
 * different addresses for each query. An error describes the caller's own organization or a full server; it does not reveal the
 * tests of other organizations.
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

/** Returns TOO_MANY_TESTS, with the same text for a full server and for a target that other organizations test. */
export function serverIsFull(): ApiError {
  return tooMany("this server runs as many tests as it can at present");
}

function tooManyOfYours(max: number): ApiError {
  return tooMany(`your organization runs ${max} tests at once already at an address that this test dials`);
}

function tooMany(what: string): ApiError {
  return new ApiError(ErrorReason.TOO_MANY_TESTS, `${what}: try again in a moment`, { retryAfterMs: 1000 });
}
