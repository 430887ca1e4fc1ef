import { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";

/** What a failed call says; throws when it did not fail. */
export async function refusalOf(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => ConnectError.from(thrown),
  );
  if (error === undefined) throw new Error("the call should have failed");
  return describeRefusal(error);
}

/** The status code, the reason, the paths of broken fields, and what else an error carries. */
export function describeRefusal(error: ConnectError) {
  const [info] = error.findDetails(ErrorInfoSchema);
  const fields = error
    .findDetails(BadRequestSchema)
    .flatMap((detail) => detail.fieldViolations.map(({ field }) => field));
  return {
    code: error.code,
    reason: info?.reason,
    fields,
    metadata: info?.metadata,
    retries: error.findDetails(RetryInfoSchema).length > 0,
  };
}
