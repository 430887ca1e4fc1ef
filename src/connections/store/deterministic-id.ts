import { deterministicUuid } from "../../database/deterministic-uuid.ts";

/** What an id is made for: the two of one request must differ. */
export type IdSource = "connection" | "event";

/**
 * The id that a request_id stands for: the same in whichever process. Without a user it is that of whoever uses the request_id
 * first in the organization; with one, that of a user who comes after another one.
 */
export function deterministicId(what: IdSource, organizationId: string, requestId: string, userId?: string): string {
  const parts = [what, organizationId, requestId.toLowerCase()];
  return deterministicUuid(JSON.stringify(userId === undefined ? parts : [...parts, userId]));
}
