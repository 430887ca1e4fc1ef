import { RequestInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { detailOf } from "./detail-of.ts";

/** The id under which the server's log has the call; undefined when the error did not come from the server. */
export function requestIdOf(error: unknown): string | undefined {
  return detailOf(error, RequestInfoSchema)?.requestId;
}
