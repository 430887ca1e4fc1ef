import type { DescMessage, JsonObject, JsonValue, Message } from "@bufbuild/protobuf";
import { RestStyle } from "../../../../gen/connectory/options/v1/rest_pb.js";
import { type Envelope, type Paging, type RestMapping, restNameOf } from "../../../proto-schema/http/rest-mapping.ts";
import { isJsonObject } from "../../../proto-schema/json-object.ts";
import { encodeJson } from "./encode-json.ts";

/** The data of the call in the envelope. */
export type CallFacts = Pick<
  Envelope,
  "elapsedMs" | "ssoTime" | "userId" | "sessionId" | "requestId" | "method" | "appVersion"
>;

/** A response in the style of its service, and its single resource, if it has one. */
export interface ShapedResponse {
  readonly body: JsonObject;
  readonly resource: JsonObject | undefined;
}

/** Converts a response message to the form of its RestMapping. */
export function shapeResponse(
  form: RestMapping,
  output: DescMessage,
  message: Message,
  facts: CallFacts,
): ShapedResponse {
  const json = encodeJson(output, message, form.names);
  const first = form.resource === undefined ? undefined : json[restNameOf(form.resource, form.names)];
  const resource = form.shape === "resource" && isJsonObject(first) ? first : undefined;
  if (form.style === RestStyle.ENVELOPE) return { body: envelope(form, output, json, facts), resource };
  if (form.style !== RestStyle.FLAT || form.shape === "message") return { body: json, resource };
  const body: JsonObject =
    form.shape === "list" ? { data: first ?? [], has_more: (json.next_page_token ?? "") !== "" } : { ...resource };
  for (const field of output.fields) if (field !== form.resource && !(field.name in body)) copy(json, body, field.name);
  return { body, resource };
}

function envelope(form: RestMapping, output: DescMessage, json: JsonObject, facts: CallFacts): JsonObject {
  const dataName = output.fields[0]?.jsonName ?? "";
  const data = json[dataName];
  const rowCount = countOf(data);
  const members: Envelope = {
    status: "OK",
    statusCode: String(form.status),
    elapsedMs: facts.elapsedMs,
    ssoTime: facts.ssoTime,
    source: "db", // responses never come from a cache
    userId: facts.userId,
    sessionId: facts.sessionId,
    requestId: facts.requestId,
    dataName,
    method: facts.method,
    action: form.action,
    appVersion: facts.appVersion,
    rowCount,
  };
  const body: JsonObject = { ...members };
  copy(json, body, dataName);
  const { nextPageToken } = json;
  if (form.shape === "list" && typeof nextPageToken === "string")
    body.paging = { pageRowCount: rowCount, nextPageToken } satisfies Paging;
  return Object.assign(body, json);
}

function countOf(data: JsonValue | undefined): number {
  if (Array.isArray(data)) return data.length;
  return data === undefined ? 0 : 1;
}

function copy(from: JsonObject, to: JsonObject, name: string): void {
  const value = from[name];
  if (value !== undefined) to[name] = value;
}
