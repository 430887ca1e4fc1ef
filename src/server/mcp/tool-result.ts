import { type DescMessage, type JsonObject, type Message, toJson } from "@bufbuild/protobuf";
import type { CallToolResult } from "@modelcontextprotocol/server";
import { errorDetailRegistry } from "../dispatch/error-detail-registry.ts";

/** Where a result has the id under which the server's log knows the call. */
export const requestIdMeta = "connectory/requestId";

/**
 * An answer as the result of a tool: the JSON that its output schema describes, and the same as text for models. A test
 * that found a system unusable is an answer, so the text says what went well and what did not.
 */
export function toolResult(output: DescMessage, message: Message, requestId: string): CallToolResult {
  const options = { alwaysEmitImplicit: true, registry: errorDetailRegistry };
  const structuredContent = toJson(output, message, options) as JsonObject;
  const said = sentenceOf(output, message);
  const failed = structuredContent.error === true ? " (The call itself succeeded: this is its result.)" : "";
  return {
    content: [...(said === "" ? [] : [text(`${said}${failed}`)]), text(JSON.stringify(structuredContent))],
    structuredContent,
    _meta: { [requestIdMeta]: requestId },
  };
}

/** The sentence for people that an answer has in its field `message`; empty when it has none. */
export function sentenceOf(output: DescMessage, message: Message): string {
  const field = output.fields.find(({ name }) => name === "message");
  const said = field === undefined ? undefined : (message as Message & Record<string, unknown>)[field.localName];
  return typeof said === "string" ? said : "";
}

/** A text of a result. */
export function text(said: string): { type: "text"; text: string } {
  return { type: "text", text: said };
}
