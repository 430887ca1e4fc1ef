import type { FieldViolation } from "../../errors/api-error.ts";
import type { FieldNode } from "./request-bounds.ts";

/**
 * An excess over the rules of a request. Descriptions are those of the validator, where it has one; an empty field means the
 * request as a whole.
 */
export type Excess = FieldViolation;

/** The maximum nesting of a request; no request of the contract is nested half as deep. */
export const maxDepth = 32;

export function tooMany({ kind, count }: Pick<FieldNode, "kind" | "count">, path: string): Excess {
  const description =
    kind === "map" ? `map must be at most ${count} entries` : `must contain no more than ${count} item(s)`;
  return { field: path, description };
}

export function tooLong(characters: number, path: string): Excess {
  return { field: path, description: `must be at most ${characters} characters` };
}

export function tooManyValues(values: number, path: string): Excess {
  return { field: path, description: `from here on the request has more than ${values} fields and elements` };
}

/** Without a path, which would be as deep as the request. */
export function tooDeep(): Excess {
  return { field: "", description: `the request is nested more than ${maxDepth} deep` };
}
