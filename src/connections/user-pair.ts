import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";

/** Two different users, the one whose id sorts first bytewise first. */
export interface UserPair {
  readonly userId1: string;
  readonly userId2: string;
}

/**
 * Returns the pair of a request that must send it in order. Throws USER_IDS_EQUAL or USER_IDS_OUT_OF_ORDER. User ids are ASCII
 * (by their pattern), so comparing strings compares bytes.
 */
export function parseUserPair({ userId1, userId2 }: UserPair): UserPair {
  if (userId1 === userId2) throw equal();
  if (userId1 > userId2) throw outOfOrder();
  return { userId1, userId2 };
}

/** Returns the pair of a request that may send the two in either order. Throws USER_IDS_EQUAL. */
export function parseUnorderedUserPair({ userId1, userId2 }: UserPair): UserPair {
  return parseUserPair(userId1 > userId2 ? { userId1: userId2, userId2: userId1 } : { userId1, userId2 });
}

function equal(): ApiError {
  return new ApiError(ErrorReason.USER_IDS_EQUAL, "user_id_2: must be another user than user_id_1", {
    fieldViolations: [{ field: "user_id_2", description: "must be another user than user_id_1" }],
  });
}

function outOfOrder(): ApiError {
  const description = "must sort before user_id_2, bytewise: swap the two, or set any_order";
  return new ApiError(ErrorReason.USER_IDS_OUT_OF_ORDER, `user_id_1: ${description}`, {
    fieldViolations: [{ field: "user_id_1", description }],
  });
}
