import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";

/** How many tests may run at once. */
export interface TestLimits {
  readonly total: number;
  readonly perOrganization: number;
}

/**
 * A test holds a few sockets and up to 10 s of waiting, hardly any CPU: 50 keep below 1000 file descriptors even when
 * each dials every broker that it may. A fifth of them per organization: five with dead targets leave the others alone.
 */
export const defaultTestLimits: TestLimits = { total: 50, perOrganization: 10 };

/** Takes a slot for a test of an organization, and returns the function that gives it back (calling it twice is no harm). */
export type TakeTestSlot = (organizationId: string) => () => void;

/** Throws Failure TOO_MANY_TESTS when the slots are used up. */
export function createTestSlots({ total, perOrganization }: TestLimits = defaultTestLimits): TakeTestSlot {
  const running = new Map<string, Set<symbol>>();
  let count = 0;
  return (organizationId) => {
    const own = running.get(organizationId) ?? new Set();
    if (own.size >= perOrganization) throw tooMany("your organization runs", perOrganization);
    if (count >= total) throw tooMany("this server runs", total);
    const slot = Symbol("test");
    running.set(organizationId, own.add(slot));
    count += 1;
    return () => {
      if (!own.delete(slot)) return;
      count -= 1;
      if (own.size === 0) running.delete(organizationId);
    };
  };
}

function tooMany(who: string, limit: number): Failure {
  return new Failure(ErrorReason.TOO_MANY_TESTS, `${who} ${limit} tests already: try again in a moment`, {
    retryAfterMs: 1000,
  });
}
