import { deterministicUuid } from "../../database/deterministic-uuid.ts";

/** The kind of row that an id is derived for: the connection and the event of one request have different ids. */
export type IdSource = "connection" | "event";

/**
 * Returns the id derived from a request_id, the same in every process. Without `userId`: the id for the first user of the
 * request_id in the organization; with it: the id for a user who uses the same request_id after another one.
 */
export function deterministicId(what: IdSource, organizationId: string, requestId: string, userId?: string): string {
  const parts = [what, organizationId, requestId.toLowerCase()];
  return deterministicUuid(JSON.stringify(userId === undefined ? parts : [...parts, userId]));
}
