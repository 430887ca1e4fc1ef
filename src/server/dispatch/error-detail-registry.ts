import { createRegistry, type Registry } from "@bufbuild/protobuf";
import { TestReportSchema } from "../../../gen/connectory/v1/test_report_pb.js";
import { file_google_rpc_error_details } from "../../../gen/google/rpc/error_details_pb.js";

/** The types of details of a `google.rpc.Status` inside a response; JSON can encode an `Any` of a registered type only. */
export const errorDetailRegistry: Registry = createRegistry(file_google_rpc_error_details, TestReportSchema);
