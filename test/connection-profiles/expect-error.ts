import { Code, ConnectError } from "@connectrpc/connect";
import { TestReportSchema } from "../../gen/connectory/v1/test_report_pb.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";

/** What a refused call says, in one object. */
export async function failureOf(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => ConnectError.from(reason),
  );
  if (error === undefined) throw new Error("the call was not refused");
  const [info] = error.findDetails(ErrorInfoSchema);
  const [bad] = error.findDetails(BadRequestSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  return {
    code: Code[error.code],
    reason: info?.reason,
    metadata: info?.metadata,
    fields: bad?.fieldViolations.map(({ field }) => field) ?? [],
    report: error.findDetails(TestReportSchema)[0],
    retry: retry !== undefined,
    message: error.rawMessage,
  };
}
