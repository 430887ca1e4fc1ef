import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { endpointName } from "../connectors/connector.ts";
import type { Target } from "../egress/egress-policy.ts";
import { Failure } from "../failure.ts";

/** How many tests may run at once. */
export interface TestLimits {
  readonly total: number;
  readonly perOrganization: number;
  /** Against the same host and port, of one organization: those of others must not be felt, nor told of. */
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
 * none at all. Returns the function that gives them back (calling it twice is no harm). Throws Failure TOO_MANY_TESTS.
 */
export type TakeTestSlots = (organizationId: string, targets: readonly Target[]) => () => void;

export function createTestSlots(limits: TestLimits = defaultTestLimits): TakeTestSlots {
  const taken = new Map<string, number>();
  return (organizationId, targets) => {
    const names = new Set(targets.map(nameOf));
    const slots = [
      { key: `organization ${organizationId}`, limit: limits.perOrganization, whose: "your organization runs" },
      ...[...names].map((name) => ({
        key: `target ${name} of ${organizationId}`,
        limit: limits.perTarget,
        whose: `for ${name} your organization runs`,
      })),
      { key: "total", limit: limits.total, whose: "this server runs" },
    ];
    const full = slots.find(({ key, limit }) => (taken.get(key) ?? 0) >= limit);
    if (full !== undefined) throw tooMany(full);
    for (const { key } of slots) taken.set(key, (taken.get(key) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      for (const { key } of slots) {
        const left = (taken.get(key) ?? 0) - 1;
        if (left > 0) taken.set(key, left);
        else taken.delete(key);
      }
    };
  };
}

/** A name is the same in small and capital letters, and with a dot at its end. */
function nameOf({ host, port }: Target): string {
  return endpointName({ host: host.toLowerCase().replace(/\.$/, ""), port });
}

function tooMany({ whose, limit }: { whose: string; limit: number }): Failure {
  return new Failure(ErrorReason.TOO_MANY_TESTS, `${whose} ${limit} tests at once already: try again in a moment`, {
    retryAfterMs: 1000,
  });
}
