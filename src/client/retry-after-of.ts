import { durationMs } from "@bufbuild/protobuf/wkt";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { detailOf } from "./detail-of.ts";

/** After how many milliseconds the server wants the call again; undefined when it did not say. */
export function retryAfterOf(error: unknown): number | undefined {
  const delay = detailOf(error, RetryInfoSchema)?.retryDelay;
  return delay === undefined ? undefined : Math.max(0, durationMs(delay));
}
