import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { createConcurrencyLimiter } from "../../concurrency/concurrency-limiter.ts";
import { ApiError } from "../../errors/api-error.ts";

/** How many may follow the log at once. */
export interface WatchLimits {
  readonly total: number;
  readonly perOrganization: number;
}

/**
 * Counts a watch of an organization, or throws ApiError TOO_MANY_WATCHES. Returns the function that releases it (calling it
 * twice is no harm). `evict` is called when it must end for an organization that has fewer.
 */
export type AcquireWatch = (organizationId: string, evict: (why: ApiError) => void) => () => void;

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
