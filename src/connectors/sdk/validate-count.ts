import type { FieldViolation } from "../../errors/api-error.ts";
import { maxTargets } from "./connect-first-reachable.ts";

/** What is wrong with the length of a list of addresses that a test begins with, each counted once. */
export function validateCount(field: string, targets: readonly unknown[]): readonly FieldViolation[] {
  if (targets.length <= maxTargets) return [];
  return [{ field, description: `has ${targets.length} addresses: give ${maxTargets} at most` }];
}
