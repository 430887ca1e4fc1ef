import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { createConcurrencyLimiter } from "../../concurrency/concurrency-limiter.ts";
import { endpointName } from "../../connectors/sdk/connector.ts";
import type { Target } from "../../egress/egress-policy.ts";
import { ApiError } from "../../errors/api-error.ts";
import { serverIsFull } from "../../test-workers/limit-targets.ts";

/** Limits of concurrent tests. */
export interface TestLimits {
  readonly total: number;
  readonly perOrganization: number;
  /** Of one organization against the same host and port. `limit-targets.ts` limits the addresses that names resolve to. */
  readonly perTarget: number;
}

/**
 * Defaults. A test holds a few sockets for up to 10 s and hardly any CPU: 50 stay below 1000 file descriptors even when each
 * dials every broker that it may. A fifth of them per organization: five organizations with unreachable targets do not block
 * each other. Five against one target are more than users start at once.
 */
export const defaultTestLimits: TestLimits = { total: 50, perOrganization: 10, perTarget: 5 };

/**
 * Acquires a slot in total, one of the organization and one for each target of the test, or none at all. Returns the function
 * that releases them (idempotent). Throws ApiError TOO_MANY_TESTS.
 */
export type AcquireTest = (organizationId: string, targets: readonly Target[]) => () => void;

/** Returns the limiter of live tests. `limits` defaults to `defaultTestLimits`. */
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

/** Host names are equal regardless of case and of a dot at their end. */
function nameOf({ host, port }: Target): string {
  return endpointName({ host: host.toLowerCase().replace(/\.$/, ""), port });
}

function tooMany(whose: string): (max: number) => ApiError {
  return (max) =>
    new ApiError(ErrorReason.TOO_MANY_TESTS, `${whose} ${max} tests at once already: try again in a moment`, {
      retryAfterMs: 1000,
    });
}
