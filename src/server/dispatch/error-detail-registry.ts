import { createRegistry, type Registry } from "@bufbuild/protobuf";
import { TestReportSchema } from "../../../gen/connectory/v1/test_report_pb.js";
import { file_google_rpc_error_details } from "../../../gen/google/rpc/error_details_pb.js";

/** What a `google.rpc.Status` inside of an answer can have as details; JSON cannot write them without knowing them. */
export const errorDetailRegistry: Registry = createRegistry(file_google_rpc_error_details, TestReportSchema);
