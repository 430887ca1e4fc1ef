import type { FieldViolation } from "../../errors/api-error.ts";
import { maxTargets } from "./connect-first-reachable.ts";

/** Returns a violation when a list has more than 16 addresses; `targets` has each address once. */
export function validateCount(field: string, targets: readonly unknown[]): readonly FieldViolation[] {
  if (targets.length <= maxTargets) return [];
  return [{ field, description: `has ${targets.length} addresses: give ${maxTargets} at most` }];
}
