import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { createConcurrencyLimiter } from "../../concurrency/concurrency-limiter.ts";
import { endpointName } from "../../connectors/sdk/connector.ts";
import type { Target } from "../../egress/egress-policy.ts";
import { ApiError } from "../../errors/api-error.ts";
import { serverIsFull } from "../../test-workers/limit-targets.ts";

/** How many tests may run at once. */
export interface TestLimits {
  readonly total: number;
  readonly perOrganization: number;
  /** Against the same host and port, of one organization. What names lead to is limited by `limit-targets.ts`. */
  readonly perTarget: number;
}

/**
 * A test holds a few sockets and up to 10 s of waiting, hardly any CPU: 50 keep below 1000 file descriptors even when
 * each dials every broker that it may. A fifth of them per organization: five with dead targets leave the others alone.
 * Five of an organization against one target are more than people try at once; all of them together are `total` at most.
 */
export const defaultTestLimits: TestLimits = { total: 50, perOrganization: 10, perTarget: 5 };

/**
 * Takes a slot for a test of an organization, one of the organization and one of each target that the test begins with, or
 * none at all. Returns the function that gives them back (calling it twice is no harm). Throws ApiError TOO_MANY_TESTS.
 */
export type AcquireTest = (organizationId: string, targets: readonly Target[]) => () => void;

export function limitTests(limits: TestLimits = defaultTestLimits): AcquireTest {
  const limiter = createConcurrencyLimiter();
  return (organizationId, targets) => {
    const names = new Set(targets.map(nameOf));
    return limiter.acquire({
      owner: organizationId,
      limits: [
        {
          key: `organization ${organizationId}`,
          max: limits.perOrganization,
          refuse: tooMany("your organization runs"),
        },
        ...[...names].map((name) => ({
          key: `target ${name} of ${organizationId}`,
          max: limits.perTarget,
          refuse: tooMany(`for ${name} your organization runs`),
        })),
        { key: "total", max: limits.total, refuse: serverIsFull },
      ],
    });
  };
}

/** A name is the same in small and capital letters, and with a dot at its end. */
function nameOf({ host, port }: Target): string {
  return endpointName({ host: host.toLowerCase().replace(/\.$/, ""), port });
}

function tooMany(whose: string): (max: number) => ApiError {
  return (max) =>
    new ApiError(ErrorReason.TOO_MANY_TESTS, `${whose} ${max} tests at once already: try again in a moment`, {
      retryAfterMs: 1000,
    });
}
