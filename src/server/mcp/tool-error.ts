import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { CallToolResult } from "@modelcontextprotocol/server";
import { RestStyle } from "../../../gen/connectory/options/v1/rest_pb.js";
import type { ProblemDetail } from "../../proto-schema/http/problem-detail.ts";
import { restMappingOf } from "../../proto-schema/http/rest-mapping.ts";
import { type FailedCall, toProblemDetails } from "../problem-details/problem-details.ts";
import { requestIdMeta, text } from "./tool-result.ts";

/** The detail of a tool error for programs: the members of a problem detail that do not concern HTTP. */
export type ErrorDetail = Omit<ProblemDetail, "type" | "title" | "status" | "instance">;

/** The key of the detail in `_meta` of a tool error. */
export const errorMeta = "connectory/error";

/**
 * Converts the error of a call to a tool error, which a model can read and react to. The detail is not structured content, which
 * must match the output schema: some clients validate it in errors too.
 */
export function toolError(
  method: DescMethod,
  error: ConnectError,
  { requestId, wrapped }: Pick<FailedCall, "requestId" | "wrapped">,
): CallToolResult {
  const detail = detailOf(method, error, { requestId, wrapped });
  return {
    isError: true,
    content: [text(`${detail.code} (${detail.reason}): ${detail.detail}`), text(JSON.stringify(detail))],
    _meta: { [errorMeta]: detail, [requestIdMeta]: requestId },
  };
}

function detailOf(
  method: DescMethod,
  error: ConnectError,
  call: Pick<FailedCall, "requestId" | "wrapped">,
): ErrorDetail {
  const form = { ...restMappingOf(method), style: RestStyle.UNSPECIFIED, names: "json" } as const;
  const target = { name: method.name, form, input: method.input };
  const problem = toProblemDetails(error, { ...call, target, conditional: false });
  const { type, title, status, instance, ...detail } = problem.body;
  return detail;
}
