import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { CallToolResult } from "@modelcontextprotocol/server";
import { RestStyle } from "../../../gen/connectory/options/v1/rest_pb.js";
import type { ProblemDetail } from "../../proto-schema/http/problem-detail.ts";
import { restMappingOf } from "../../proto-schema/http/rest-mapping.ts";
import { toProblemDetails } from "../problem-details/problem-details.ts";
import { requestIdMeta, text } from "./tool-result.ts";

/** What a tool error tells a program: the members of a problem detail that are not about HTTP. */
export type ErrorDetail = Omit<ProblemDetail, "type" | "title" | "status" | "instance">;

/** Where a tool error has its detail. */
export const errorMeta = "connectory/error";

/**
 * A refused call as a tool error, which a model sees and can act upon. The detail is no structured content, because that
 * has to be what the output schema says, and there are clients that check it in errors too.
 */
export function toolError(method: DescMethod, error: ConnectError, requestId: string): CallToolResult {
  const detail = detailOf(method, error, requestId);
  return {
    isError: true,
    content: [text(`${detail.code} (${detail.reason}): ${detail.detail}`), text(JSON.stringify(detail))],
    _meta: { [errorMeta]: detail, [requestIdMeta]: requestId },
  };
}

function detailOf(method: DescMethod, error: ConnectError, requestId: string): ErrorDetail {
  const form = { ...restMappingOf(method), style: RestStyle.UNSPECIFIED, names: "json" } as const;
  const target = { name: method.name, form, input: method.input };
  const problem = toProblemDetails(error, { requestId, target, wrapped: true, conditional: false });
  const { type, title, status, instance, ...detail } = problem.body;
  return detail;
}
