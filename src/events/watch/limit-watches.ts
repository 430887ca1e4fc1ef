import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { createConcurrencyLimiter } from "../../concurrency/concurrency-limiter.ts";
import { ApiError } from "../../errors/api-error.ts";

/** Limits of concurrent watches. */
export interface WatchLimits {
  readonly total: number;
  readonly perOrganization: number;
}

/**
 * Acquires a slot for a watch of an organization. Returns the function that releases it (idempotent). Throws ApiError
 * TOO_MANY_WATCHES. `evict` is called when the watch must end in favor of an organization with fewer.
 */
export type AcquireWatch = (organizationId: string, evict: (why: ApiError) => void) => () => void;

/** Returns the limiter of watches. */
export function limitWatches({ total, perOrganization }: WatchLimits): AcquireWatch {
  const limiter = createConcurrencyLimiter();
  return (organizationId, evict) =>
    limiter.acquire({
      owner: organizationId,
      limits: [
        { key: `organization ${organizationId}`, max: perOrganization, refuse: tooManyOf("your organization") },
        { key: "total", max: total, shared: true, refuse: tooManyOf("this server") },
      ],
      evict: () => evict(evicted()),
    });
}

function tooManyOf(who: string): (max: number) => ApiError {
  return (max) =>
    new ApiError(
      ErrorReason.TOO_MANY_WATCHES,
      `${who} has ${max} watches open already: close one, or try again later`,
      {
        retryAfterMs: 10_000,
      },
    );
}

function evicted(): ApiError {
  return new ApiError(
    ErrorReason.TOO_MANY_WATCHES,
    "this server has no watches left, and your organization has more than its share: go on after the last revision you have",
    { retryAfterMs: 10_000 },
  );
}
