import { createHash } from "node:crypto";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../../failure.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The `request_id` that an `Idempotency-Key` stands for: a UUID as it is, any other text as a UUID made of its hash
 * (version 8, RFC 9562), so that the same key always is the same request. The key may stand in quotes.
 */
export function readIdempotencyKey(header: string): string {
  const key = /^\s*"(.*)"\s*$/.exec(header)?.[1] ?? header.trim();
  if (!/^[\x20-\x7e]{1,255}$/.test(key))
    throw new Failure(ErrorReason.MESSAGE_MALFORMED, "Idempotency-Key: must have 1 to 255 printable ASCII characters");
  if (uuid.test(key)) return key.toLowerCase();
  const bytes = createHash("sha256").update("connectory idempotency key\n").update(key).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
