import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { detailOf } from "./detail-of.ts";

/**
 * Why a call failed. Undefined when the server did not say: the connection broke, a proxy answered, or the reason is
 * newer than this client. Also takes a `google.rpc.Status` out of a batch's answer.
 */
export function reasonOf(error: unknown): ErrorReason | undefined {
  const info = detailOf(error, ErrorInfoSchema);
  if (info?.domain !== "connectory") return undefined;
  const reason: unknown = ErrorReason[info.reason as keyof typeof ErrorReason];
  return typeof reason === "number" ? reason : undefined;
}

/** Whether a call failed for this reason. */
export function isReason(error: unknown, reason: ErrorReason): boolean {
  return reasonOf(error) === reason;
}

/** What came with the reason, by name, such as the `id` of the connection that exists already. */
export function metadataOf(error: unknown): Readonly<Record<string, string>> {
  return detailOf(error, ErrorInfoSchema)?.metadata ?? {};
}
