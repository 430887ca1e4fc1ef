import { createHash } from "node:crypto";

/** What an id is made for: the two of one request must differ. */
export type DerivedFor = "connection" | "event";

/** A UUID of version 8 that is the same for the same request, in whichever process, and for no other. */
export function deriveId(what: DerivedFor, organizationId: string, requestId: string): string {
  const name = JSON.stringify([what, organizationId, requestId.toLowerCase()]);
  const bytes = createHash("sha256").update(name).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80; // the version
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80; // the variant of RFC 9562
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
