import type { JsonValue } from "@bufbuild/protobuf";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError, manyInvalid } from "../../errors/api-error.ts";
import { findJsonFault, type JsonFault } from "./find-json-fault.ts";

/**
 * Parses the JSON text of a request; `what` names it for error messages. Throws ApiError MESSAGE_MALFORMED with the place where
 * it is not JSON, or with the path of a name that an object has twice.
 */
export function parseJson(text: string, what = "the body"): JsonValue {
  const fault = findJsonFault(text);
  if (fault === undefined) return JSON.parse(text) as JsonValue;
  throw fault.kind === "syntax" ? notJson(text, what, fault) : repeatedName(fault.path);
}

/** Returns the sentence for a text that is not JSON, with the line and the column of the place, both from 1. */
export function describeSyntaxFault(text: string, what: string, fault: JsonFault & { kind: "syntax" }): string {
  if (text.trim() === "") return `${what} is empty: send a JSON object, {} when no field is set`;
  const before = text.slice(0, fault.at).split("\n");
  const place = `line ${before.length}, column ${[...(before.at(-1) ?? "")].length + 1}`;
  return `${what} is not JSON: ${place}: ${fault.description}${otherFormat(text)}`;
}

function notJson(text: string, what: string, fault: JsonFault & { kind: "syntax" }): ApiError {
  return new ApiError(ErrorReason.MESSAGE_MALFORMED, describeSyntaxFault(text, what, fault));
}

function repeatedName(field: string): ApiError {
  const { message, detail } = manyInvalid([{ field, description: "is given twice: give it once" }]);
  return new ApiError(ErrorReason.MESSAGE_MALFORMED, message, detail);
}

/** Names the format that a text seems to have instead. */
function otherFormat(text: string): string {
  const begin = text.slice(0, 200).trimStart();
  if (/^(---|[A-Za-z_][\w-]*:(\s|$))/.test(begin)) return "; it looks like YAML, and must be JSON";
  if (/^[A-Za-z_][\w.-]*=/.test(begin)) return "; it looks like the fields of a form, and must be JSON";
  return begin.startsWith("<") ? "; it looks like XML, and must be JSON" : "";
}
